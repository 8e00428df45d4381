/**
 * Wrong changes of the core, the driver and the log, most of them mistakes that some implementation shipped (raft.md B, by number). The
 * simulation must kill each within its budget of schedules.
 */
import type { Mutant } from "@triad/testkit";

const CORE = "packages/coordinator/src/core/raft";
const DRIVER = "packages/coordinator/src/services/raft-driver";
const STORE = "packages/coordinator/src/adapters/store";

export const CONSENSUS_MUTANTS: readonly Mutant[] = [
  {
    name: "acknowledge before fsync",
    file: `${STORE}/wal.ts`,
    find: "this.#writer.file.fdatasync((error) => this.#flushed(error, startedMs));",
    replace: "this.#flushed(null, startedMs);",
  },
  {
    name: "acknowledge before fsync, in the driver (19, thesis 10.2.1 taken too far)",
    file: `${CORE}/raft-state.ts`,
    find: 'if (type === "MsgAppResp" || type === "MsgVoteResp"',
    replace: 'if ((type === "MsgAppResp" && to === this.id) || type === "MsgVoteResp"',
  },
  {
    name: "vote not persisted (1)",
    file: `${DRIVER}/raft-driver.ts`,
    find: "hardState: { term, vote, commit } }",
    replace: "hardState: { term, vote: 0, commit } }",
  },
  {
    name: "vote persisted after the reply (1)",
    file: `${CORE}/raft-state.ts`,
    find: '|| type === "MsgVoteResp" ||',
    replace: '|| (type === "MsgVoteResp" && to === this.id) ||',
  },
  {
    name: "votes asked for before the own vote is durable",
    file: `${DRIVER}/raft-driver.ts`,
    find: 'else if (message.type === "MsgVote") voteRequests.push(message);',
    replace: "",
  },
  {
    name: "vote cleared on a step-down within the term (2)",
    file: `${CORE}/raft-state.ts`,
    find: "if (this.term !== term) {",
    replace: "{",
  },
  {
    name: "up-to-date test looks at the index only (3)",
    file: `${CORE}/raft-log.ts`,
    find: "return their.term > our.term || (their.term === our.term && their.index >= our.index);",
    replace: "return their.index >= our.index;",
  },
  {
    name: "commit of an old term by counting (10)",
    file: `${CORE}/raft-log.ts`,
    find: "if (id.index <= this.committed || id.term === 0 || !this.matchTerm(id)) return false;",
    replace: "if (id.index <= this.committed || id.term === 0) return false;",
  },
  {
    name: "follower commits beyond what the append verified (11)",
    file: `${CORE}/raft-log.ts`,
    find: "this.commitTo(Math.min(committed, lastNew));",
    replace: "this.commitTo(Math.min(committed, this.lastIndex()));",
  },
  {
    name: "truncate without conflict (12)",
    file: `${CORE}/raft-log.ts`,
    find: "const conflict = this.#findConflict(entries);",
    replace: "const conflict = entries.find((entry) => entry.index > this.committed)?.index;",
  },
  {
    name: "previous entry not compared (13)",
    file: `${CORE}/raft-log.ts`,
    find: "if (!this.matchTerm(previous)) return undefined;",
    replace: "if (previous.index > this.lastIndex()) return undefined;",
  },
  {
    name: "quorum short of one (16)",
    file: `${CORE}/quorum.ts`,
    find: "return (voterCount - (voterCount % 2)) / 2 + 1;",
    replace: "return (voterCount - (voterCount % 2)) / 2;",
  },
  {
    name: "heartbeat carries the commit index beyond the match (22)",
    file: `${CORE}/replication.ts`,
    find: "const commit = Math.min(progress.match, raft.log.committed);",
    replace: "const commit = raft.log.committed;",
  },
  {
    name: "completion of an old write attests a new log (20)",
    file: `${CORE}/unstable-log.ts`,
    find: "if (current !== term) {",
    replace: "if (current < 0) {",
  },
  {
    name: "read index before a commit in the own term (29)",
    file: `${CORE}/reads.ts`,
    find: "if (raft.committedInCurrentTerm()) serveRead(raft, message);",
    replace: "if (raft.term > 0) serveRead(raft, message);",
  },
  {
    name: "read index without a quorum round (30)",
    file: `${CORE}/reads.ts`,
    find: 'if (raft.tracker.isSingleton() || raft.config.readOnly === "leaseBased") {',
    replace: "if (raft.term > 0) {",
  },
  {
    name: "failed flush taken for success (37)",
    file: `${STORE}/wal.ts`,
    find: "    if (error !== null) {\n      this.#fail(error);\n      return;",
    replace: "    if (error instanceof RangeError) {\n      this.#fail(error);\n      return;",
  },
  {
    name: "what a killed process left in the page cache is believed",
    file: `${STORE}/wal-writer.ts`,
    find: "    file.fdatasyncSync();\n    disk.syncFolder(folder);\n    return new",
    replace: "    return new",
  },
  {
    name: "what a failed flush left in the page cache is believed (37)",
    file: `${STORE}/wal-writer.ts`,
    find: "    file.write(end.batchOffset, file.read(end.batchOffset, end.offset - end.batchOffset));\n",
    replace: "",
  },
  {
    name: "torn tail not wiped (38)",
    file: `${STORE}/wal-writer.ts`,
    find: "if (wipe) zeroFill(file, end.offset, file.size());",
    replace: "",
  },
  {
    name: "batches without their end mark are taken (38)",
    file: `${STORE}/wal-recovery.ts`,
    find: 'if (decoded.record.type === "batch") {',
    replace: 'if (decoded.record.type !== "segment") {',
  },
  {
    name: "a replaced tail is not marked in the log (13)",
    file: `${STORE}/wal.ts`,
    find: "const truncateFrom = first.index <= this.#terms.lastIndex ? first.index : undefined;",
    replace: "const truncateFrom = first.index < this.#terms.lastIndex ? first.index : undefined;",
  },
  {
    name: "new segment's name not flushed",
    file: `${STORE}/wal-writer.ts`,
    find: "segmentName(segment)}`);\n    this.#disk.syncFolder(this.#folder);",
    replace: "segmentName(segment)}`);",
  },
  {
    name: "applied index forgotten at start (39, 42)",
    file: `${DRIVER}/raft-driver.ts`,
    find: "applied: options.applied,",
    replace: "applied: 0,",
  },
  {
    name: "reads not settled at the end (43)",
    file: `${DRIVER}/raft-driver.ts`,
    find: 'this.#reads.failAll("stopped");',
    replace: "",
  },
  {
    name: "reads do not time out (47)",
    file: `${DRIVER}/raft-driver.ts`,
    find: "      this.#reads.tick();\n",
    replace: "",
  },
  {
    name: "damaged frames accepted (46)",
    file: `${DRIVER}/frame.ts`,
    find: 'if (view.getUint32(CRC_OFFSET, true) !== frameCrc(frame)) return { ok: false, reason: "checksum" };',
    replace: "",
  },
  {
    name: "timer left at stop (47)",
    file: `${DRIVER}/raft-driver.ts`,
    find: "    this.#ticker.stop();\n",
    replace: "",
  },
];
