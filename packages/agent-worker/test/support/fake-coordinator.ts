/** A coordinator as a worker sees one: answers discovery, proposals and reads over a real connection, and sends what a test tells it to. */
import { connect, type Msg, type NatsConnection } from "@nats-io/transport-node";
import {
  type Command,
  type CommandResult,
  DISCOVER_SUBJECT,
  decodeMessage,
  encodeMessage,
  type Heartbeat,
  type InboxMessage,
  type LiveEvent,
  type Message,
  type ReadReply,
  type ReadTranscript,
  subjectsOf,
} from "@triad/protocol";

export interface FakeCoordinatorOptions {
  readonly cluster?: string;
  readonly id?: string;
  readonly leader?: string;
}

/** Undefined: it does not answer. */
export type Verdict = CommandResult | undefined;

export class FakeCoordinator implements AsyncDisposable {
  readonly commands: Command[] = [];
  readonly heartbeats: Heartbeat[] = [];
  readonly live: LiveEvent[] = [];
  readonly cluster: string;
  readonly id: string;
  leader: string;
  term = 1;
  token = 100;
  judge: (command: Command) => Verdict = (command) => this.accept(command);
  read: (request: ReadTranscript) => ReadReply = () => ({ kind: "transcript", events: [] });
  private readonly connection: NatsConnection;

  private constructor(connection: NatsConnection, options: FakeCoordinatorOptions) {
    this.connection = connection;
    this.cluster = options.cluster ?? "test";
    this.id = options.id ?? "c1";
    this.leader = options.leader ?? this.id;
  }

  static async start(url: string, options: FakeCoordinatorOptions = {}): Promise<FakeCoordinator> {
    const fake = new FakeCoordinator(await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 50 }), options);
    await fake.listen();
    return fake;
  }

  accept(command: Command): CommandResult {
    return command.type === "RegisterWorker" ? { outcome: "ok", token: this.token } : { outcome: "ok" };
  }

  of<T extends Command["type"]>(type: T): Extract<Command, { type: T }>[] {
    return this.commands.filter((command): command is Extract<Command, { type: T }> => command.type === type);
  }

  send(worker: string, message: InboxMessage): void {
    this.connection.publish(subjectsOf(this.cluster).inbox(worker), encodeMessage(message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection.close();
  }

  private async listen(): Promise<void> {
    const subjects = subjectsOf(this.cluster);
    this.on(DISCOVER_SUBJECT, () => ({
      kind: "discovered",
      cluster: this.cluster,
      id: this.id,
      leader: this.leader,
      term: this.term,
      http: "",
    }));
    this.on(subjects.propose(this.id), (message) => (message.kind === "propose" ? this.propose(message.commands) : undefined));
    this.on(subjects.read(this.id), (message) => (message.kind === "readTranscript" ? this.read(message) : undefined));
    this.on(subjects.heartbeatAll(), (message) => void (message.kind === "heartbeat" && this.heartbeats.push(message)));
    this.on(`triad.${this.cluster}.task.*.events`, (message) => void (message.kind === "live" && this.live.push(message)));
    await this.connection.flush();
  }

  private propose(commands: readonly Command[]): Message | undefined {
    if (this.leader !== this.id) return { kind: "notLeader", leader: this.leader };
    this.commands.push(...commands);
    const results = commands.map((command) => this.judge(command));
    return results.some((result) => result === undefined) ? undefined : { kind: "proposed", results: results as CommandResult[] };
  }

  private on(subject: string, answer: (message: Message) => Message | undefined): void {
    this.connection.subscribe(subject, {
      callback: (error, received: Msg) => {
        if (error) throw error;
        const reply = answer(decodeMessage(received.data).message);
        if (reply !== undefined) received.respond(encodeMessage(reply));
      },
    });
  }
}
