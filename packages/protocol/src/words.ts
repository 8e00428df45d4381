/**
 * The words that need no codec: errors, ids, limits and the types of tasks. A door of its own, so that the command line starts and a browser loads
 * without the decoder and its schemas.
 */
export { ERRORS, type ErrorBody, type ErrorCode, type ErrorEntry, errorFromBody, isErrorCode, TriadError } from "./errors.ts";
export { type IdKind, isId, isToken, mintId } from "./ids.ts";
export { type FactsDelta, isFactName, isJson, type Json } from "./json.ts";
export * as limits from "./limits.ts";
export { type NatsAddress, parseNatsAddress } from "./nats-address.ts";
export type {
  Aggregate,
  CandidateScore,
  EffectOutcome,
  EffectVerdict,
  EndStatus,
  Fact,
  Facts,
  FailureCause,
  JournalEntry,
  NextMove,
  Observation,
  OnDoubt,
  Pick,
  Requirements,
  RouteReason,
  RoutingDecision,
  ScoreParts,
  Strategy,
  TaskError,
  TaskStatus,
  Usage,
  ViewReport,
} from "./task.ts";
export type { TranscriptEvent, TranscriptEventType } from "./transcript.ts";
