/**
 * What became of a message or proposal. An expected outcome is a value, so that a dropped proposal can be told to whoever waits for it;
 * exceptions are for broken invariants.
 */

export type DropReason =
  /** No leader is known here; ask again later. */
  | "noLeader"
  /** A leader is known, but this node does not forward; ask the leader. */
  | "forwardingDisabled"
  /** This leader was removed from the configuration and accepts nothing more. */
  | "notMember"
  /** Leadership is being handed over; ask again soon. */
  | "leaderTransferInProgress"
  /** Too many bytes wait for commit; slow down. */
  | "uncommittedBytesLimit"
  /** Too many reads wait for confirmation; slow down. */
  | "pendingReadsLimit"
  /** Under lease-based reads a follower must not forget its leader: that would break the lease. */
  | "leaseBasedReads";

export type ConfChangeRefusal = "pendingConfChange" | "mustLeaveJointFirst" | "notJoint";

export type RefuseReason = "localMessage" | "unknownPeer" | "malformed";

export type StepOutcome =
  | { readonly kind: "accepted" }
  /** A leader appended the proposal; it is committed if an entry of this term is committed at this index. */
  | {
      readonly kind: "appended";
      readonly firstIndex: number;
      readonly lastIndex: number;
      readonly term: number;
      /** A conf change among the entries was not legal now and became an empty entry. */
      readonly confChangeRefused?: ConfChangeRefusal;
    }
  /** A follower passed the proposal on; whether the leader takes it is not known here. */
  | { readonly kind: "forwarded"; readonly to: number }
  | { readonly kind: "dropped"; readonly reason: DropReason }
  /** Not a message that this node may receive; nothing was changed. */
  | { readonly kind: "refused"; readonly reason: RefuseReason };

/** Shared: most messages end so, and an outcome is never changed. */
export const ACCEPTED: StepOutcome = { kind: "accepted" };

export function dropped(reason: DropReason): StepOutcome {
  return { kind: "dropped", reason };
}
