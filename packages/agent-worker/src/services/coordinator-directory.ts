/**
 * Who the coordinators are and which of them leads, as far as this worker has heard. Only a guess is kept here: whoever it points to answers
 * `notLeader` when it is wrong.
 */
import { DISCOVER_SUBJECT, type DiscoverReply, TriadError } from "@triad/protocol";
import { backoffMs, pause } from "./backoff.ts";
import type { Bus, Clock } from "./ports.ts";

/** For answers of all coordinators to come in; the first look takes longer, because it must see every cluster on the server. */
const DISCOVER_MS = 150;
const FIRST_DISCOVER_MS = 400;

export class CoordinatorDirectory {
  readonly cluster: string;
  private readonly bus: Bus;
  private readonly ids: string[];
  private known: { readonly leader: string; readonly term: number };
  private turn = 0;
  private looking: Promise<void> | undefined;

  constructor(bus: Bus, cluster: string, found: readonly DiscoverReply[]) {
    this.bus = bus;
    this.cluster = cluster;
    this.ids = [];
    this.known = { leader: "", term: 0 };
    this.take(found);
  }

  /** Where to send a proposal: the leader as heard, else the coordinators in turn; undefined while nobody is known. */
  target(): string | undefined {
    if (this.known.leader !== "") return this.known.leader;
    return this.any();
  }

  /** Every coordinator that was ever heard of. */
  get coordinators(): readonly string[] {
    return this.ids;
  }

  /** Any coordinator, in turn: reads are answered by all. */
  any(): string | undefined {
    if (this.ids.length === 0) return undefined;
    this.turn = (this.turn + 1) % this.ids.length;
    return this.ids[this.turn];
  }

  /** A message of a term names its leader; a higher term overrides. */
  heard(leader: string, term: number): void {
    if (leader === "" || term < this.known.term) return;
    this.known = { leader, term };
    if (!this.ids.includes(leader)) this.ids.push(leader);
  }

  hint(leader: string): void {
    this.known = { leader, term: this.known.term };
    if (leader !== "" && !this.ids.includes(leader)) this.ids.push(leader);
  }

  /** It did not answer, or does not lead. */
  doubt(id: string): void {
    if (this.known.leader === id) this.known = { leader: "", term: this.known.term };
  }

  /** Asks round again; several callers share one question. */
  refresh(): Promise<void> {
    this.looking ??= this.look().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  private async look(): Promise<void> {
    if (!this.bus.connected) return;
    const answers = await this.bus.gather(DISCOVER_SUBJECT, { kind: "discover" }, DISCOVER_MS);
    this.take(answers.filter((answer) => answer.kind === "discovered"));
  }

  private take(answers: readonly DiscoverReply[]): void {
    for (const answer of answers) {
      if (answer.cluster !== this.cluster) continue;
      if (!this.ids.includes(answer.id)) this.ids.push(answer.id);
      // An answer of the known term may name a leader that we doubt only because it was slow: believe it again.
      if (answer.leader !== "") this.heard(answer.leader, answer.term);
    }
  }
}

/**
 * Finds the cluster on a NATS server, asking until one answers.
 * @throws TriadError TRIAD_CLUSTER_AMBIGUOUS where several answer and none was named.
 */
export async function discoverCluster(
  bus: Bus,
  clock: Clock,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<CoordinatorDirectory> {
  for (let round = 0; ; round++) {
    signal.throwIfAborted();
    const answers = await bus.gather(DISCOVER_SUBJECT, { kind: "discover" }, FIRST_DISCOVER_MS);
    const found = answers.filter((answer) => answer.kind === "discovered");
    const names = [...new Set(found.map((answer) => answer.cluster))].sort();
    const [name] = names;
    if (wanted !== undefined && names.includes(wanted)) return new CoordinatorDirectory(bus, wanted, found);
    if (wanted === undefined && names.length > 1) {
      throw new TriadError("TRIAD_CLUSTER_AMBIGUOUS", `several clusters answer (${names.join(", ")}); name one with --cluster`, {
        clusters: names,
      });
    }
    if (wanted === undefined && name !== undefined) return new CoordinatorDirectory(bus, name, found);
    await pause(clock, backoffMs(round, clock.random()));
  }
}
