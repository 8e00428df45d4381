/**
 * Times of day in the form "HH:MM". Pure. An hour without am or pm stays as it is written, because so do the labels
 * and because guessing half a day wrong books the wrong table.
 */

export interface TimeMention {
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

const CLOCK = /\b(\d{1,2})(?:[:.]| )?(\d{2})? ?(a\.? ?m\.?|p\.? ?m\.?|o'clock)?(?![\w:])/g;
const WORDS: Readonly<Record<string, string>> = { noon: "12:00", midday: "12:00", midnight: "00:00" };

function padded(hours: number, minutes: number): string {
  return `${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`;
}

function fromClock(match: RegExpExecArray | RegExpMatchArray): string | undefined {
  const [whole, hourText = "", minuteText, half] = match;
  const separated = /\d[:.]\d/.test(whole);
  // "1745" and "17 45" are times, "12" alone and a year are not.
  if (minuteText === undefined && half === undefined) return undefined;
  if (minuteText !== undefined && !separated && half === undefined && !/^\d{4}$/.test(whole)) return undefined;
  let hours = Number(hourText);
  const minutes = Number(minuteText ?? "0");
  if (hours > 24 || minutes > 59) return undefined;
  if (half?.startsWith("p") && hours < 12) hours += 12;
  if (half?.startsWith("a") && hours === 12) hours = 0;
  return padded(hours, minutes);
}

/** The times in a normalised text, from left to right. */
export function findTimes(normalised: string): readonly TimeMention[] {
  const found: TimeMention[] = [];
  for (const match of normalised.matchAll(CLOCK)) {
    const value = fromClock(match);
    if (value !== undefined) found.push({ value, start: match.index, end: match.index + match[0].length });
  }
  for (const match of normalised.matchAll(/\b(noon|midday|midnight)\b/g)) {
    found.push({ value: WORDS[match[0]] ?? "", start: match.index, end: match.index + match[0].length });
  }
  return found.sort((a, b) => a.start - b.start);
}

/** Minutes since midnight of "HH:MM". */
export function minutesOf(time: string): number {
  const [hours = "0", minutes = "0"] = time.split(":");
  return Number(hours) * 60 + Number(minutes);
}
