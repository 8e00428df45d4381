/**
 * A state that is not the majority's must not come back by a restart: what it applied since rests on it, and it would vote and answer until
 * the next comparison. So the folder says that it has diverged, and a start refuses it.
 */
import { TriadError } from "@triad/protocol";
import { NodeDisk } from "./wal-disk-node.ts";

const NAME = "diverged.json";
const disk = new NodeDisk();

/** The error to end with; the folder is marked first. */
export function divergedState(dataDir: string, index: number): TriadError {
  if (!disk.list(dataDir).includes(NAME)) {
    const file = disk.open(`${dataDir}/${NAME}`, "create");
    file.write(0, new TextEncoder().encode(`${JSON.stringify({ index })}\n`));
    file.fdatasyncSync();
    file.close();
    disk.syncFolder(dataDir);
  }
  return new TriadError("TRIAD_STATE_DIVERGED", `this coordinator's state hash differs from the majority's at or before entry ${index}`, {
    folder: dataDir,
    index,
  });
}

/** Throws TRIAD_STATE_DIVERGED where the state in this folder was found to differ. */
export function assertNotDiverged(dataDir: string): void {
  if (!disk.list(dataDir).includes(NAME)) return;
  throw new TriadError(
    "TRIAD_STATE_DIVERGED",
    `${dataDir} holds a state that differs from the majority's. The other coordinators go on; replace this one, and keep the folder: it ` +
      "shows what went wrong.",
    { folder: dataDir },
  );
}
