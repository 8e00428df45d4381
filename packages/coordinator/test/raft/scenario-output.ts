/** The output of scenario directives: text and log lines in one stream, with levels and indented sections. */
import type { RaftLogger } from "../../src/core/raft/raft-logger.ts";

const LEVELS = ["DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE"];

export class ScenarioOutput implements RaftLogger {
  #text = "";
  level = 0;

  get text(): string {
    return this.#text;
  }

  /** At level NONE nothing at all is written, not even results. */
  get quiet(): boolean {
    return this.level === LEVELS.indexOf("NONE");
  }

  clear(): void {
    this.#text = "";
  }

  setLevel(name: string): void {
    const level = LEVELS.indexOf(name.toUpperCase());
    if (level < 0) throw new Error(`log levels must be either of ${LEVELS}, not ${name}`);
    this.level = level;
  }

  write(text: string): void {
    if (!this.quiet) this.#text += text;
  }

  /** Runs `work` and indents what it writes. */
  indented(work: () => void): void {
    const outer = this.#text;
    this.#text = "";
    work();
    const lines = this.#text.split("\n");
    if (lines.at(-1) === "") lines.pop();
    this.#text = outer + lines.map((line) => `  ${line}\n`).join("");
  }

  debug(line: string): void {
    this.#log("DEBUG", line);
  }

  info(line: string): void {
    this.#log("INFO", line);
  }

  warning(line: string): void {
    this.#log("WARN", line);
  }

  error(line: string): void {
    this.#log("ERROR", line);
  }

  #log(level: string, line: string): void {
    if (this.level <= LEVELS.indexOf(level)) this.#text += `${level} ${line}\n`;
  }
}
