/** A running hash of what a simulation did: equal for two runs of a seed, or the simulation is not deterministic. */
import { hash } from "node:crypto";

export class TraceHash {
  #digest = "";
  #lines: string[] = [];

  add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length >= 256) this.#fold();
  }

  value(): string {
    this.#fold();
    return this.#digest;
  }

  #fold(): void {
    if (this.#lines.length === 0) return;
    this.#digest = hash("sha256", `${this.#digest}\n${this.#lines.join("\n")}`, "hex");
    this.#lines = [];
  }
}
