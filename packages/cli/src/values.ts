/**
 * Words of the command line into values, strictly: `30s` is a duration, `3x` is nothing. Pure; each parser answers the value or what is
 * wrong with the word, so that a caller can list every problem at once.
 */

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

const good = <T>(value: T): Parsed<T> => ({ ok: true, value });
const bad = (problem: string): Parsed<never> => ({ ok: false, problem });

export function parseWhole(word: string, min: number, max: number): Parsed<number> {
  const value = /^\d{1,15}$/.test(word) ? Number(word) : Number.NaN;
  return value >= min && value <= max ? good(value) : bad(`must be a whole number from ${min} to ${max}, not "${word}"`);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** A deadline beyond this is a mistake of units. */
const DURATION_MS_MAX = 30 * 24 * 3_600_000;

/** `500ms`, `30s`, `1.5m`, `2h`; a number without a unit is refused, because nobody can say what was meant. */
export function parseDurationMs(word: string): Parsed<number> {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)$/.exec(word);
  const value = match === null ? Number.NaN : Math.round(Number(match[1]) * (UNIT_MS[match[2] ?? ""] ?? Number.NaN));
  return value >= 1 && value <= DURATION_MS_MAX ? good(value) : bad(`must be a duration such as 500ms, 30s, 5m or 1h, not "${word}"`);
}

const DAY_MS = 24 * 3_600_000;
/** Below it a client that polls would miss its own answer. */
const AGE_MS_MIN = 1_000;
/** Ten years: beyond it a mistake of units. */
const AGE_MS_MAX = 3_650 * DAY_MS;

/** How long something is kept: `7d`, `24h`, `10m`, `30s`. */
export function parseAgeMs(word: string): Parsed<number> {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(word);
  const units: Readonly<Record<string, number>> = { ...UNIT_MS, d: DAY_MS };
  const value = match === null ? Number.NaN : Math.round(Number(match[1]) * (units[match[2] ?? ""] ?? Number.NaN));
  return value >= AGE_MS_MIN && value <= AGE_MS_MAX
    ? good(value)
    : bad(`must be a duration from 1s to 3650d, such as 30s, 10m, 24h or 7d, not "${word}"`);
}

/** `skill=weight`, or `skill` alone for weight 1. */
export function parseRequirement(word: string): Parsed<readonly [skill: string, weight: number]> {
  const match = /^([^=\s]+)(?:=(\d{1,9}(?:\.\d{1,9})?))?$/.exec(word);
  const skill = match?.[1];
  return skill === undefined
    ? bad(`must be skill=weight with a weight of 0 or more, not "${word}"`)
    : good([skill, Number(match?.[2] ?? "1")]);
}

export function parseHttpUrl(word: string): Parsed<string> {
  const protocol = URL.canParse(word) ? new URL(word).protocol : "";
  return protocol === "http:" || protocol === "https:" ? good(word) : bad(`must be an http:// address, not "${word}"`);
}

export function parseNatsUrl(word: string): Parsed<string> {
  const fit = word.split(",").every((part) => {
    const url = URL.canParse(part.trim()) ? new URL(part.trim()) : undefined;
    return url !== undefined && (url.protocol === "nats:" || url.protocol === "tls:") && url.hostname !== "";
  });
  return fit ? good(word) : bad("must be a nats:// address such as nats://127.0.0.1:4222, or several separated by commas"); // not repeated: it may hold a password
}

/** How much a process logs; pino's names. */
const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export function parseLogLevel(word: string): Parsed<LogLevel> {
  const level = LOG_LEVELS.find((one) => one === word);
  return level === undefined ? bad(`must be one of ${LOG_LEVELS.join(", ")}, not "${word}"`) : good(level);
}
