/**
 * Membership changes as data: what a proposal asks for, before anyone knows whether it is legal.
 * Kept apart from the changer (which computes the resulting configuration) and from the codec (which turns changes into entry bytes).
 */

export type ConfChangeType = "ConfChangeAddNode" | "ConfChangeRemoveNode" | "ConfChangeUpdateNode" | "ConfChangeAddLearnerNode";

/**
 * How to get to the new configuration. `Auto` takes the simple path for one change and joint consensus with automatic leave for more;
 * `JointImplicit` forces joint consensus with automatic leave; `JointExplicit` stays joint until an empty change is proposed.
 */
export type ConfChangeTransition = "ConfChangeTransitionAuto" | "ConfChangeTransitionJointImplicit" | "ConfChangeTransitionJointExplicit";

export interface ConfChangeSingle {
  readonly type: ConfChangeType;
  /** 0 stands for "nothing": the application took the change back at apply time. */
  readonly nodeId: number;
}

/** The one-change form; travels as EntryConfChange. */
export interface ConfChangeV1 extends ConfChangeSingle {
  readonly context?: Uint8Array;
}

/** Any number of changes; travels as EntryConfChangeV2. Without changes and with transition `Auto` it means: leave the joint configuration. */
export interface ConfChangeV2 {
  readonly transition: ConfChangeTransition;
  readonly changes: readonly ConfChangeSingle[];
  readonly context?: Uint8Array;
}

export type ConfChange = ConfChangeV1 | ConfChangeV2;

/** The change that leaves a joint configuration; its encoding is zero bytes, as etcd's is. */
export const LEAVE_JOINT: ConfChangeV2 = { transition: "ConfChangeTransitionAuto", changes: [] };

export function isConfChangeV1(change: ConfChange): change is ConfChangeV1 {
  return !("changes" in change);
}

/** The general form of either version. */
export function asConfChangeV2(change: ConfChange): ConfChangeV2 {
  if (!isConfChangeV1(change)) return change;
  const single = { type: change.type, nodeId: change.nodeId };
  const general = { transition: "ConfChangeTransitionAuto", changes: [single] } as const;
  return change.context === undefined ? general : { ...general, context: change.context };
}

export type ConfChangeRoute =
  | { readonly kind: "leaveJoint" }
  | { readonly kind: "enterJoint"; readonly autoLeave: boolean }
  | { readonly kind: "simple" };

/** Which of the three membership operations a change asks for. */
export function routeOf(change: ConfChangeV2): ConfChangeRoute {
  const auto = change.transition === "ConfChangeTransitionAuto";
  if (auto && change.changes.length === 0) return { kind: "leaveJoint" };
  if (auto && change.changes.length === 1) return { kind: "simple" };
  return { kind: "enterJoint", autoLeave: change.transition !== "ConfChangeTransitionJointExplicit" };
}

/** One line for logs. */
export function describeConfChange(change: ConfChange): string {
  const general = asConfChangeV2(change);
  const changes = general.changes.map((single) => ` changes:{type:${single.type} node_id:${single.nodeId}}`).join("");
  return `transition:${general.transition}${changes}`;
}
