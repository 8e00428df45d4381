/**
 * Waits for a condition of the outside world (a process, a server), with a bound and a name. For real processes only: where a test can
 * choose the order itself, it does not wait.
 */

/** A failure that no further look can mend: ends the wait at once. */
export class Hopeless extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Hopeless";
  }
}

export interface EventuallyOptions {
  readonly withinMs?: number;
  readonly everyMs?: number;
}

/** The first value of `look` that is neither undefined, null nor false; throws with the last reason once the time is over. */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  { withinMs = 20_000, everyMs = 50 }: EventuallyOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const end = performance.now() + withinMs;
  let reason: unknown;
  do {
    try {
      const value = await look();
      if (value !== undefined && value !== null && value !== false) return value as NonNullable<Exclude<T, false>>;
      reason = undefined;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      reason = error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  } while (performance.now() < end);
  throw new Error(`${what}: not within ${withinMs} ms${reason instanceof Error ? ` (${reason.message})` : ""}`, { cause: reason });
}
