/**
 * Every bound of Triad, with its reason. A full queue or a body past its bound is a typed error, never memory.
 * Sizes are bytes, times milliseconds, unless the name says otherwise.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** One frame on NATS: max_payload is 1 MiB by default; the rest is room for subjects and headers. */
export const FRAME_BYTES_MAX: number = 1_000_000;
/** Nesting of a decoded frame: deeper data is an attack on the decoder's stack, not a body. */
export const FRAME_DEPTH_MAX = 48;
/** Lists and objects of a decoded frame: each costs some fifty bytes once decoded, however empty. As many as 768 KiB of JSON facts can hold. */
export const FRAME_CONTAINERS_MAX = 262_144;
/** A step's output and facts, a request's input and facts: one NATS message of 1 MiB must hold a dispatch. A larger output is stored in chunks. */
export const INLINE_BODY_BYTES_MAX: number = 128 * KIB;
/** A step's output, stored in chunks: an answer over HTTP shows it twice, and is made as one text. */
export const BODY_BYTES_MAX: number = 16 * MIB;
/** A chunk: four fit one NATS message of 1 MiB, and a coordinator that answers or stores one is back at its other work within a millisecond. */
export const CHUNK_BYTES_MAX: number = 256 * KIB;
/** Beginning of a stored text, in UTF-16 units, that stands in the log and in transcripts: what a person reads and a search finds. */
export const BODY_HEAD_LENGTH = 2048;
/** Stored texts that one answer shows whole, counted wherever they stand: escaped as JSON at its worst it is still one string of V8. */
export const VIEW_BODIES_BYTES_MAX: number = 48 * MIB;
/** Stored texts that one `recall` of a step reads whole: memory of its thread. */
export const RECALL_BODIES_BYTES_MAX: number = 32 * MIB;
/** Age at which a chunk that nothing refers to is removed: an upload is bound to be referred to, or given up, long before. */
export const CHUNK_GRACE_MS_DEFAULT = 300_000;
/** Chunks that nothing refers to yet; beyond it uploads are put off: disk of the coordinators. */
export const CHUNKS_UNREFERRED_MAX = 16_384;
/** Facts of a conversation: every dispatch carries all of them. */
export const FACTS_BYTES_MAX: number = 256 * KIB;
export const FACT_NAMES_MAX = 1024;
export const FACT_NAME_LENGTH_MAX = 128;
/** A dispatch as a whole, and the transcript in it. */
export const DISPATCH_BYTES_MAX: number = 768 * KIB;
export const DISPATCH_TRANSCRIPT_BYTES_MAX: number = 64 * KIB;
/** A page of a read over NATS. */
export const READ_PAGE_BYTES_MAX: number = 256 * KIB;
/** Commands of one log entry: head-of-line blocking of the frame to a peer. */
export const ENTRY_BYTES_MAX: number = 192 * KIB;
export const ENTRY_COMMANDS_MAX = 256;
/** Assignments of one command: the fence has eight bits for their position. */
export const ASSIGNMENTS_MAX = 256;
/** Fence = Φ.seq × this + position of the assignment in its command. */
export const FENCE_STRIDE = 256;
/** Tasks that wait or run, then 429: memory of the coordinators. */
export const OPEN_TASKS_MAX = 65_536;
export const OPEN_TASK_BYTES_MAX: number = 256 * MIB;
/** Tasks that wait in one conversation, then 429: a conversation is serial, a longer queue is a mistake upstream. */
export const CONVERSATION_QUEUE_MAX = 64;
export const MAX_TRANSITIONS_DEFAULT = 64;
export const MAX_TRANSITIONS_MAX = 10_000;
export const TIMEOUT_MS_DEFAULT = 60_000;
export const TIMEOUT_MS_MAX = 3_600_000;
export const RETRY_ATTEMPTS_DEFAULT = 3;
export const RETRY_ATTEMPTS_MAX = 100;
export const RETRY_BACKOFF_MS_DEFAULT = 200;
/** A retry never waits longer than this, whatever the exponent. */
export const RETRY_BACKOFF_MS_MAX = 30_000;
export const CONCURRENCY_DEFAULT = 16;
export const CONCURRENCY_MAX = 1024;
/** Starts of one step (worker losses do not use an attempt), then TRIAD_STEP_UNSTABLE. */
export const STARTS_MAX = 20;
/** `?wait`: a held request costs a socket. */
export const WAIT_MS_MAX = 60_000;
/** Agents of a team; skills; members of an ensemble. */
export const AGENTS_MAX = 1024;
export const SKILLS_MAX = 256;
export const ENSEMBLE_MAX = 32;
export const ENSEMBLE_DEFAULT = 3;
/** Names (agents, skills, workers, ids, keys): what fits a NATS token and a log line. */
export const NAME_LENGTH_MAX = 64;
export const KEY_LENGTH_MAX = 256;
export const TEMPLATE_BYTES_MAX: number = 64 * KIB;
export const EXAMPLES_MAX = 256;
export const EXAMPLE_LENGTH_MAX = 512;
/** Routing prototypes an agent keeps: state.md 8. */
export const PROTOTYPES_MAX = 16;
/** Feedback request ids kept a task: a repeated request is a no-op. */
export const FEEDBACK_KEPT = 8;
/** Members of a conversation that negotiate: the latest ones. */
export const TEAM_MEMBERS_MAX = 8;
/** Workers that are down and still listed: enough to see what happened, not every id that ever was. */
export const DOWN_WORKERS_KEPT = 16;
/** Heartbeat and status period; silence after which a worker is lost; age at which an unseen dispatch is repeated. */
export const HEARTBEAT_MS = 250;
export const WORKER_LOST_MS = 2_000;
export const REDISPATCH_MS = 1_000;
/** How long a worker remembers fences that have ended. */
export const ENDED_FENCES_MS = 60_000;
/** A coordinator keeps trying to reach a leader for this long, then 503. */
export const FORWARD_MS = 2_000;
/** Live events that a coordinator holds for a listener until the log has caught up with them. */
export const LIVE_EVENTS_MAX = 256;
export const LIVE_EVENTS_MS = 2_000;
/** One delta: longer text is cut into several. */
export const DELTA_BYTES_MAX: number = 16 * KIB;
/** Retention defaults; what apply uses stands in Φ (SetConfig). */
export const RETENTION_MS_DEFAULT: number = 7 * 24 * 3_600_000;
export const KEY_TTL_MS_DEFAULT: number = 24 * 3_600_000;
/** Due records that a Tick removes at most, oldest first, and any other command: an entry holds 256 of those, and a task makes two records. */
export const DUE_PER_TICK = 64;
export const DUE_PER_COMMAND = 4;
export const TICK_MS = 60_000;
/** Effects of one step: each is two commands in the log, and a step that needs more is several steps. */
export const EFFECTS_MAX = 256;
/** Outcomes that one step's journal keeps: a later start's dispatch carries all of them, beside input, facts and transcript. */
export const EFFECTS_BYTES_MAX: number = 192 * KIB;
/** A question to a person, in characters: what one reads at a glance, and a log entry carries. */
export const QUESTION_LENGTH_MAX = 8192;
/** Requests kept a task that released a waiting step: a repeated one is a success. */
export const RESOLUTIONS_KEPT = 8;
/** Observations (what was said outside Triad) that one request may carry. */
export const OBSERVATIONS_MAX = 16;
/** State hashes are compared where the applied index is a multiple of this. */
export const STATE_HASH_EVERY = 256;
/** Mailbox of an actor in a worker: the leader never sends more than `concurrency`, this is the belt. */
export const MAILBOX_MAX = 64;
/** Text view beside the facts, and the facts themselves, in tokens. */
export const VIEW_TEXT_TOKENS_DEFAULT = 128;
export const VIEW_FACT_TOKENS_DEFAULT = 512;
