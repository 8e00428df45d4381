/** Durations as people write them in a URL: `500ms`, `30s`, `1m`. A number without a unit is refused: it has been taken for either. */

const DURATION = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)$/;
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000 } as const;

/** Milliseconds, or undefined where the text is no duration. */
export function parseDurationMs(text: string): number | undefined {
  const match = DURATION.exec(text);
  if (!match) return text === "0" ? 0 : undefined;
  return Math.round(Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]);
}
