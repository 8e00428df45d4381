/**
 * The mark on vote requests of a campaign that the leader asked for: voters then ignore its lease.
 * The bytes are those etcd uses, the ASCII of "CampaignTransfer".
 */
export const TRANSFER_CONTEXT: Uint8Array = Uint8Array.from([..."CampaignTransfer"].map((character) => character.codePointAt(0)!));

export function sameBytes(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one !== undefined && one.length === other.length && one.every((byte, at) => byte === other[at]);
}
