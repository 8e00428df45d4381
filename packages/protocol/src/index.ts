/** The shared words of Triad, written out name by name. */
export { type Body, type BodyHash, type BodyRef, bodyHead, chunkCount, joinBody, type StoredBody, splitBody } from "./body.ts";
export {
  type Canonical,
  CanonicalError,
  decodeCanonical,
  encodeCanonical,
  utf8Length,
} from "./canonical.ts";
export {
  checkCommand,
  decodeCommands,
  decodeMessage,
  ENVELOPE_VERSION,
  type Envelope,
  type EnvelopeHeader,
  encodeCommands,
  encodeMessage,
} from "./codec.ts";
export type {
  Assign,
  Command,
  CommandResult,
  CommandType,
  DrainWorker,
  EffectDone,
  EffectIntended,
  EffectResolved,
  EndTask,
  Feedback,
  OpenTask,
  RegisterTeam,
  RegisterWorker,
  SetConfig,
  StepFailed,
  StepFinished,
  StepLost,
  Tick,
  WorkerLost,
} from "./commands.ts";
export {
  cosineInt8,
  embedText,
  floatsFromBytes,
  floatsToBytes,
  int8At,
  inverseDocumentFrequency,
  normaliseText,
  quantiseRouting,
  quantiseScaled,
} from "./embedding.ts";
export type {
  ChunkGet,
  ChunkPut,
  ChunkReply,
  CommitPublished,
  CoordinatorStatus,
  DecisionsPublished,
  DiscoverReply,
  DiscoverRequest,
  Dispatch,
  Heartbeat,
  InboxMessage,
  LiveEvent,
  Message,
  MessageKind,
  ProposeReply,
  ProposeRequest,
  ReadReply,
  ReadTranscript,
} from "./messages.ts";
export { factsDeltaSchema, requirementsSchema, strategySchema } from "./schemas.ts";
export { DISCOVER_SUBJECT, type ParsedSubject, parseSubject, type RaftLane, type Subjects, subjectsOf } from "./subjects.ts";
export {
  type AgentManifest,
  CONTEXT_DIM,
  type NegotiationManifest,
  type PromptManifest,
  type RetryManifest,
  ROUTING_DIM,
  type SkillStatistics,
  type TeamManifest,
} from "./triple.ts";
export * from "./words.ts";
