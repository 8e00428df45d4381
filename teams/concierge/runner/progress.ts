/** Progress on stderr: a bar with a live line on a terminal, a line every tenth in a pipe. */
import { styleText } from "node:util";

const BAR_CELLS = 28;
const REDRAW_MS = 120;

export class Progress {
  private readonly total: number;
  private done = 0;
  private lastDrawMs = 0;
  private lastTenth = -1;
  private line = "";
  private readonly tty: boolean = process.stderr.isTTY === true;

  constructor(total: number) {
    this.total = total;
  }

  say(text: string): void {
    this.clear();
    process.stderr.write(`${text}\n`);
  }

  live(line: string): void {
    this.line = line;
    this.draw(false);
  }

  step(): void {
    this.done++;
    this.draw(this.done >= this.total);
  }

  finish(): void {
    this.draw(true);
    if (this.tty) process.stderr.write("\n");
  }

  private clear(): void {
    if (this.tty) process.stderr.write("\r\u001b[K");
  }

  private draw(force: boolean): void {
    const share = this.total === 0 ? 1 : Math.min(1, this.done / this.total);
    if (!this.tty) {
      const tenth = Math.floor(share * 10);
      if (tenth === this.lastTenth) return;
      this.lastTenth = tenth;
      process.stderr.write(`  ${this.done}/${this.total} dialogues  ${this.line}\n`);
      return;
    }
    const now = performance.now();
    if (!force && now - this.lastDrawMs < REDRAW_MS) return;
    this.lastDrawMs = now;
    const cells = Math.round(share * BAR_CELLS);
    const bar = styleText("cyan", "█".repeat(cells)) + styleText("dim", "░".repeat(BAR_CELLS - cells));
    process.stderr.write(`\r\u001b[K${bar} ${this.done}/${this.total}  ${this.line}`);
  }
}
