/** What goes wrong in a schedule, drawn from its seed: crashes, power cuts, pauses, partitions, lost connections, slow and failing disks. */
import type { EventQueue, NetworkFaults, SeededRandom, VirtualNetwork } from "@triad/testkit";
import type { SimNode } from "./sim-node.ts";

/** The longest pause; what is paused when the trouble ends goes on at most this much later. */
export const PAUSE_MS_MAX = 2000;

export interface NemesisOptions {
  readonly queue: EventQueue;
  readonly network: VirtualNetwork;
  readonly nodes: readonly SimNode[];
  readonly random: SeededRandom;
  readonly note: (line: string) => void;
}

export class Nemesis {
  readonly #options: NemesisOptions;
  #active = true;
  /** Mean time between two blows: some schedules are calm enough for long logs, some never let an election end. */
  readonly #meanMs: number;
  /** Whether new leaders are struck in the moment of their election. */
  readonly #ambushes: boolean;

  constructor(options: NemesisOptions) {
    this.#options = options;
    this.#meanMs = options.random.pick([80, 200, 500]);
    this.#ambushes = options.random.chance(0.3);
    options.network.faults = this.#drawFaults();
    this.#next();
  }

  /**
   * To be called when a node has become leader and before it has sent anything: what it appends first may then be durable on it alone,
   * or reach one other, before it is lost. Figure 8 of the paper is made of such leaders.
   */
  elected(leader: SimNode): void {
    const { network, nodes, random } = this.#options;
    if (!this.#active || !this.#ambushes || random.chance(0.4)) return;
    for (const other of nodes) if (other !== leader && random.chance(0.7)) network.cut(leader.id, other.id);
    this.#later(random.between(1, 150), () => {
      this.#lose(leader, random.chance(0.5) ? "powerOff" : "kill");
      network.heal();
    });
  }

  /** Ends all trouble: everyone is up, connected and fast again, once the last pause is over. */
  end(): void {
    this.#active = false;
    const { network, nodes } = this.#options;
    network.heal();
    network.faults = { loss: 0, duplication: 0, spike: 0, spikeMs: 0, damage: 0, delayMs: [0.1, 0.5] };
    for (const node of nodes) {
      node.disk.flushFailure = 0;
      node.disk.flushMs = [0.1, 0.5];
      if (!node.isUp) node.start();
    }
  }

  #drawFaults(): NetworkFaults {
    const { random } = this.#options;
    return {
      loss: random.pick([0, 0.02, 0.1, 0.3]),
      duplication: random.pick([0, 0.05, 0.3]),
      spike: random.pick([0, 0.05, 0.3]),
      spikeMs: random.pick([20, 200, 1500]),
      damage: random.pick([0, 0, 0.02]),
      delayMs: random.pick([
        [0.1, 0.5],
        [1, 20],
        [5, 60],
      ]),
    };
  }

  #next(): void {
    const { queue, random } = this.#options;
    queue.schedule(random.between(0, this.#meanMs * 2), () => {
      if (!this.#active) return;
      this.#strike();
      this.#next();
    });
  }

  #strike(): void {
    const { nodes, random, note } = this.#options;
    const node = random.pick(nodes);
    const [name, blow] = random.pick(this.#blows);
    note(`${name} ${node.id}`);
    blow(node);
  }

  /** What may happen; a blow stands here as often as it weighs. */
  readonly #blows: readonly (readonly [string, (node: SimNode) => void])[] = [
    ["kill", (node) => this.#lose(node, "kill")],
    ["kill", (node) => this.#lose(node, "kill")],
    ["power cut", (node) => this.#lose(node, "powerOff")],
    ["power cut", (node) => this.#lose(node, "powerOff")],
    ["power cut everywhere", () => this.#loseAll()],
    // The leader, just when it has work under way, is the most telling one to lose.
    ["power cut at the leader", (node) => this.#lose(this.#leader() ?? node, "powerOff")],
    ["pause", (node) => node.pause(this.#options.random.pick([30, 300, PAUSE_MS_MAX]))],
    ["partition", () => this.#partition()],
    ["one-way cut", (node) => this.#options.network.cut(node.id, this.#options.random.pick(this.#options.nodes).id)],
    ["disconnect", (node) => this.#options.network.disconnect(node.id)],
    ["heal", () => this.#options.network.heal()],
    ["heal", () => this.#options.network.heal()],
    ["other network", () => this.#changeNetwork()],
    ["strand the leader", () => this.#strandLeader()],
    ["strand the leader", () => this.#strandLeader()],
    ["kill, then power cut", (node) => this.#loseTwice(node)],
    ["succession", () => this.#succession()],
    ["other disk", (node) => this.#changeDisk(node)],
  ];

  #lose(node: SimNode, how: "kill" | "powerOff"): void {
    node[how]();
    this.#restartLater(node);
  }

  #loseAll(): void {
    for (const node of this.#options.nodes) this.#lose(node, "powerOff");
  }

  /** A process that comes back reads what its predecessor wrote and never flushed; then the power goes as well. */
  #loseTwice(node: SimNode): void {
    node.kill();
    node.start();
    this.#later(this.#options.random.between(1, 80), () => this.#lose(node, "powerOff"));
  }

  #changeNetwork(): void {
    this.#options.network.faults = this.#drawFaults();
  }

  #changeDisk({ disk }: SimNode): void {
    const { random } = this.#options;
    disk.flushMs = random.pick([
      [0.1, 0.5],
      [5, 40],
      [50, 400],
    ]);
    disk.flushFailure = random.pick([0, 0, 0.05]);
  }

  #partition(): void {
    const { network, nodes, random } = this.#options;
    const side = new Set(nodes.filter(() => random.chance(0.5)));
    const oneWay = random.chance(0.3);
    for (const a of nodes) {
      for (const b of nodes) {
        if (side.has(a) === side.has(b) || (oneWay && side.has(b))) continue;
        network.cut(a.id, b.id);
      }
    }
  }

  /**
   * The leader keeps a minority, so that what it appends cannot be committed; the others elect another. Then all meet again at the
   * moment when the new leader is lost.
   */
  #strandLeader(): void {
    const { network, nodes, random } = this.#options;
    const leader = this.#leader() ?? random.pick(nodes);
    const others = nodes.filter((each) => each !== leader);
    const kept = random.integer(0, Math.floor((nodes.length - 1) / 2) - 1);
    const company = new Set([leader, ...others.slice(0, kept)]);
    network.heal();
    for (const a of nodes) {
      for (const b of nodes) if (company.has(a) !== company.has(b)) network.cut(a.id, b.id);
    }
    this.#later(random.between(200, 1500), () => {
      network.heal();
      if (random.chance(0.3)) return;
      const successor = nodes.find((each) => each !== leader && each.driver?.status().role === "StateLeader");
      if (successor !== undefined) this.#lose(successor, "powerOff");
    });
  }

  /** Leader after leader is lost as soon as it leads, some of them before anyone else has what they appended (figure 8). */
  #succession(): void {
    const { random } = this.#options;
    let rounds = random.integer(2, 5);
    const next = (): void => {
      const leader = this.#leader();
      if (leader !== undefined) {
        rounds--;
        this.#lose(leader, "powerOff");
      }
      if (rounds > 0) this.#later(random.between(1, 60), next);
    };
    next();
  }

  #leader(): SimNode | undefined {
    return this.#options.nodes.find((each) => each.driver?.status().role === "StateLeader");
  }

  #later(delayMs: number, run: () => void): void {
    this.#options.queue.schedule(delayMs, () => {
      if (this.#active) run();
    });
  }

  #restartLater(node: SimNode): void {
    const { queue, random } = this.#options;
    queue.schedule(random.pick([1, 50, 400, 1500]) * random.unit(), () => {
      if (!node.isUp) node.start();
    });
  }
}
