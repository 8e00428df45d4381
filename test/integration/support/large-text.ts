/** Large texts that differ at every place and hold characters of one to four bytes, made alike by a team's agents and by the test that checks them. */

/** A text of exactly `bytes` bytes in UTF-8. */
export function largeText(seed: string, bytes: number): string {
  const lines: string[] = [];
  let left = bytes;
  for (let line = 0; left > 0; line++) {
    const text = `${seed} line ${line}: grüße, 水, 𝄞 and ${((line * 2_654_435_761) >>> 0).toString(36)}\n`;
    const size = Buffer.byteLength(text);
    if (size > left) {
      lines.push(".".repeat(left));
      break;
    }
    lines.push(text);
    left -= size;
  }
  return lines.join("");
}
