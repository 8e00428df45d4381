/** A file outside Triad to which every attempt of a step appends one line: what was really run, whatever the cluster says. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface LedgerLine {
  readonly agent: string;
  readonly event: "start" | "aborted";
  readonly key: string;
  readonly attempt: number;
  readonly pid: number;
}

export class Ledger implements Disposable {
  readonly #folder: string = mkdtempSync(join(tmpdir(), "triad ledger "));
  readonly file: string = join(this.#folder, "steps.jsonl");

  get lines(): readonly LedgerLine[] {
    if (!existsSync(this.file)) return [];
    const text = readFileSync(this.file, "utf8");
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as LedgerLine);
  }

  count(event: LedgerLine["event"]): number {
    return this.lines.filter((line) => line.event === event).length;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
