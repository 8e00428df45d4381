/** How long to wait before the next try. Pure: randomness is an argument. */

/** The first wait: an election takes longer than one round trip, a restart much longer. */
const BACK_OFF_MIN_MS = 50;
/** The longest wait: a coordinator that is back is found within a second. */
const BACK_OFF_MAX_MS = 1_000;

/**
 * Doubles with every full round over the addresses, not with every try: the next coordinator may well answer at once.
 * `random` in [0, 1) spreads clients that were refused together.
 */
export function backOffMs(tries: number, addresses: number, random: number): number {
  const round = Math.floor(tries / Math.max(1, addresses));
  const ceiling = Math.min(BACK_OFF_MAX_MS, BACK_OFF_MIN_MS * 2 ** Math.min(round, 16));
  return ceiling * (0.5 + random / 2);
}
