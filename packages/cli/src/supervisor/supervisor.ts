/**
 * Keeps a set of processes running and a file true that names them. Generic over what they are: the cluster's are listed in
 * cluster/cluster-children.ts, the wiring to signals is commands/supervise.ts.
 *
 * S1: the state file names every process that runs, before this turn of the event loop ends.
 * S2: `stop()` ends kind after kind in STOP_ORDER; no child is added once it was called, and none is started again once it was asked to
 *     end. A coordinator that dies while workers still drain does come back: they need it.
 */
import { identityOf } from "../processes/process-identity.ts";
import { BACK_OFF_DEFAULT, type BackOffTiming } from "./back-off.ts";
import { type ChildSpec, STOP_ORDER } from "./child-spec.ts";
import { type SupervisorState, writeState } from "./state-file.ts";
import { SupervisedChild } from "./supervised-child.ts";

export interface SupervisorOptions {
  readonly stateFile: string;
  readonly timing?: BackOffTiming;
  /** A child that may finish did so by itself; it is forgotten already. */
  readonly finished?: (spec: ChildSpec) => void;
  readonly log: (line: string) => void;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #children = new Map<string, SupervisedChild>();
  #stopped: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#write();
  }

  /** Starts a child; its name must be free. */
  add(spec: ChildSpec): void {
    if (this.#stopped !== undefined) return; // S2
    if (this.#children.has(spec.name)) throw new Error(`a child named ${spec.name} is there already`);
    const child = new SupervisedChild(spec, this.#options.timing ?? BACK_OFF_DEFAULT, {
      changed: () => this.#write(),
      finished: () => this.#forget(spec),
      log: this.#options.log,
    });
    this.#children.set(spec.name, child);
    child.start();
  }

  /** Ends a child for good and forgets it. */
  async remove(name: string): Promise<void> {
    const child = this.#children.get(name);
    if (child === undefined) return;
    await child.stop();
    this.#children.delete(name);
    this.#write();
  }

  #forget(spec: ChildSpec): void {
    this.#children.delete(spec.name);
    this.#write();
    this.#options.finished?.(spec);
  }

  /** Names that are taken, those of children that are still ending too. */
  get names(): ReadonlySet<string> {
    return new Set(this.#children.keys());
  }

  /** Children of a kind that are to go on, in the order in which they were added. */
  active(kind: ChildSpec["kind"]): readonly ChildSpec[] {
    return [...this.#children.values()].filter((child) => child.spec.kind === kind && !child.stopping).map((child) => child.spec);
  }

  /** S2 */
  stop(): Promise<void> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #stopAll(): Promise<void> {
    for (const kind of STOP_ORDER) {
      await Promise.all([...this.#children.values()].filter((child) => child.spec.kind === kind).map((child) => child.stop()));
    }
  }

  /** Ends all at once, without asking. */
  kill(): void {
    for (const child of this.#children.values()) child.kill();
  }

  get state(): SupervisorState {
    const supervisor = identityOf(process.pid) ?? { pid: process.pid, start: "" };
    return {
      version: 1,
      supervisor,
      stopping: this.#stopped !== undefined,
      children: [...this.#children.values()].map((child) => child.state),
    };
  }

  #write(): void {
    writeState(this.#options.stateFile, this.state); // S1
  }
}
