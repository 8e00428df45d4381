/**
 * A look at an lmdb file before lmdb has it: opening one that is none ends the process by a fault in native code, without a word for whoever
 * has to find out. Only the head is looked at; pages have no checksums, and a changed record is found by comparing states (cluster-view.ts).
 */
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { TriadError } from "@triad/protocol";

/** Of the first meta page, behind the page's own header. */
const MAGIC_OFFSET = 24;
const MAGIC = 0xbeefc0de;
/** Two meta pages of the smallest size. */
const BYTES_MIN = 8_192;

/** Throws TRIAD_STORE_CORRUPT where the folder has a file that lmdb cannot have written. */
export function assertLooksSound(folder: string): void {
  const path = `${folder}/data.mdb`;
  if (!existsSync(path)) return;
  const descriptor = openSync(path, "r");
  try {
    const head = Buffer.alloc(MAGIC_OFFSET + 4);
    const { size } = fstatSync(descriptor);
    readSync(descriptor, head, 0, head.length, 0);
    // A file that was made and never written to is empty: lmdb begins anew in it, and whether that may be is judged by its index.
    if (size === 0 || (size >= BYTES_MIN && head.readUInt32LE(MAGIC_OFFSET) === MAGIC)) return;
  } finally {
    closeSync(descriptor);
  }
  throw new TriadError(
    "TRIAD_STORE_CORRUPT",
    `${path} is no applied state: its head is damaged. The other coordinators go on; replace this one, and do not repair the file by hand.`,
    { file: path },
  );
}
