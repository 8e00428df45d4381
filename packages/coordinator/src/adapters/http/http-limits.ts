/** Bounds of the HTTP door alone, each with its reason; bounds that other parts share stand in the protocol's limits. */

/**
 * A request's body, before it is parsed. JSON may spend six bytes on one (`\u0001`), so the inline limit of 128 KiB can honestly take
 * 768 KiB on the wire; the exact limit is judged after parsing.
 */
export const BODY_BYTES_MAX: number = 1024 * 1024;
/** A request has to have arrived within this time; fastify's own default would let a client dribble bytes for ever. */
export const REQUEST_TIMEOUT_MS = 30_000;
/** After a 413 the connection stays open for this long, so that the client hears the answer and not a reset. */
export const LINGER_MS = 2_000;
/** What still comes in that time is read and dropped, up to here: dropped chunks are garbage until they are collected. */
export const LINGER_BYTES_MAX: number = 4 * 1024 * 1024;
/** Path segments up to this length reach the route and are judged as ids; the request line as a whole is bounded by Node (16 KiB). */
export const PARAM_LENGTH_MAX: number = 16 * 1024;
/** Held requests (`?wait`) and open event streams of one coordinator: each costs a socket and a listener. */
export const HELD_REQUESTS_MAX = 8_192;
/** Silence on an event stream after which a comment is sent: proxies close what is silent for longer. */
export const KEEP_ALIVE_MS = 15_000;
/** A reader that takes nothing for this long is given up; it comes back with Last-Event-ID and misses nothing committed. */
export const STALLED_READER_MS = 30_000;
/** What `Retry-After` says, seconds: overload and elections pass quickly. */
export const RETRY_AFTER_SECONDS = 1;
/** Problems of one request that an answer lists; a body can be wrong in a hundred thousand places. */
export const PROBLEMS_MAX = 64;
/** Longest text of the user's own that an error message repeats. */
export const QUOTED_LENGTH_MAX = 100;
/** A task that may take longer than retention keeps ended ones is a mistake of units. */
export const DEADLINE_MS_MAX: number = 7 * 24 * 3_600_000;
