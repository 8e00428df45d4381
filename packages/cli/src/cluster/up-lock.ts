/** One `up` at a time in a data directory: a file that names its holder. A holder that is gone holds nothing. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { TriadError } from "@triad/protocol/words";
import { readJson } from "../durable-file.ts";
import { messageOf } from "../exit-code.ts";
import { identityOf, isAlive, type ProcessIdentity } from "../processes/process-identity.ts";

/** Held by what is returned; disposing it lets go. */
export function takeUpLock(file: string): Disposable {
  try {
    mkdirSync(dirname(file), { recursive: true });
  } catch (cause) {
    throw new TriadError("TRIAD_UP_FAILED", `the data directory can't be written: ${messageOf(cause)}`, undefined, { cause });
  }
  for (let tries = 0; tries < 3; tries++) {
    try {
      writeFileSync(file, JSON.stringify(identityOf(process.pid) ?? { pid: process.pid, start: "" }), { flag: "wx" });
      return { [Symbol.dispose]: () => rmSync(file, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error) || !("code" in error) || error.code !== "EEXIST") throw error;
      const holder = readJson(file);
      if (isIdentity(holder) && isAlive(holder)) {
        throw new TriadError("TRIAD_CLUSTER_RUNNING", `another \`triad up\` (process ${holder.pid}) is at work in this data directory`);
      }
      rmSync(file, { force: true });
    }
  }
  throw new TriadError("TRIAD_CLUSTER_RUNNING", "another `triad up` is at work in this data directory");
}

function isIdentity(value: unknown): value is ProcessIdentity {
  return (
    typeof value === "object" &&
    value !== null &&
    "pid" in value &&
    typeof value.pid === "number" &&
    "start" in value &&
    typeof value.start === "string"
  );
}
