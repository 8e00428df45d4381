/**
 * Who this coordinator is: cluster, node and first membership, written once when the folder is made and never changed. A node id
 * belongs to one data folder for all time (raft.md, pitfall 28): a folder without its identity is not that node any more.
 */
import { TriadError } from "@triad/protocol";
import type { ConfState } from "../../core/raft/types.ts";
import type { Disk } from "./wal-disk.ts";

const IDENTITY_NAME = "identity.json";
const TEMPORARY_NAME = "identity.tmp";
const FORMAT_VERSION = 1;
const IDENTITY_BYTES_MAX: number = 64 * 1024;

export interface Identity {
  readonly cluster: string;
  /** uuid of this data folder. */
  readonly node: string;
  /** The node's number in Raft. */
  readonly raftId: number;
  /** The membership that the cluster began with, the same at every coordinator. */
  readonly confState: ConfState;
}

/** The identity in the folder; undefined if it has none. Throws TRIAD_STORE_CORRUPT if it cannot be read as one. */
export function readIdentity(disk: Disk, folder: string): Identity | undefined {
  if (!disk.list(folder).includes(IDENTITY_NAME)) return undefined;
  const path = `${folder}/${IDENTITY_NAME}`;
  const file = disk.open(path, "read");
  let text: string;
  try {
    text = new TextDecoder().decode(file.read(0, Math.min(file.size(), IDENTITY_BYTES_MAX)));
  } finally {
    file.close();
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const identity = parseIdentity(value);
  if (identity !== undefined) return identity;
  throw new TriadError(
    "TRIAD_STORE_CORRUPT",
    `${path} does not say who this coordinator is. Replace this coordinator; do not write the file by hand.`,
    {
      file: path,
    },
  );
}

/** Writes the identity: temporary file, flush, rename, flush of the folder, so that it is there whole or not at all. */
export function writeIdentity(disk: Disk, folder: string, identity: Identity): void {
  const names = disk.list(folder);
  if (names.includes(IDENTITY_NAME)) throw new Error(`${folder} has an identity already`);
  const temporary = `${folder}/${TEMPORARY_NAME}`;
  if (names.includes(TEMPORARY_NAME)) disk.remove(temporary);
  const file = disk.open(temporary, "create");
  try {
    file.write(0, new TextEncoder().encode(`${JSON.stringify({ format: FORMAT_VERSION, ...identity }, undefined, 2)}\n`));
    file.fdatasyncSync();
  } finally {
    file.close();
  }
  disk.rename(temporary, `${folder}/${IDENTITY_NAME}`);
  disk.syncFolder(folder);
}

/** Throws TRIAD_DATA_DIR_FOREIGN if the folder belongs to another cluster, or to another node of this one. */
export function assertSameIdentity(folder: string, found: Identity, expected: { readonly cluster: string; readonly node?: string }): void {
  const foreign =
    found.cluster !== expected.cluster
      ? `cluster ${found.cluster}`
      : found.node !== (expected.node ?? found.node)
        ? `node ${found.node}`
        : "";
  if (foreign === "") return;
  const wanted = found.cluster !== expected.cluster ? `cluster ${expected.cluster}` : `node ${expected.node}`;
  throw new TriadError(
    "TRIAD_DATA_DIR_FOREIGN",
    `${folder} belongs to ${foreign}, not to ${wanted}; use another folder, or start that one.`,
    {
      folder,
      found: { cluster: found.cluster, node: found.node },
    },
  );
}

function isIdList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((id) => Number.isSafeInteger(id) && id > 0);
}

/** A membership out of JSON; undefined if it is none. */
export function parseConfState(value: unknown): ConfState | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const fields: Record<string, unknown> = { ...value };
  const { voters, learners, votersOutgoing, learnersNext, autoLeave } = fields;
  if (!isIdList(voters) || voters.length === 0 || !isIdList(learners) || !isIdList(votersOutgoing) || !isIdList(learnersNext))
    return undefined;
  if (typeof autoLeave !== "boolean") return undefined;
  return { voters, learners, votersOutgoing, learnersNext, autoLeave };
}

function parseIdentity(value: unknown): Identity | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const fields: Record<string, unknown> = { ...value };
  const confState = parseConfState(fields.confState);
  const { format, cluster, node, raftId } = fields;
  if (format !== FORMAT_VERSION || typeof cluster !== "string" || cluster === "" || typeof node !== "string" || node === "")
    return undefined;
  if (typeof raftId !== "number" || !Number.isSafeInteger(raftId) || raftId <= 0 || confState === undefined) return undefined;
  return { cluster, node, raftId, confState };
}
