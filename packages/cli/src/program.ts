/**
 * The command line as a whole: every command with its flags, none of their code. Each command's module is loaded when it is run, so that
 * `triad --help` and `triad status` load little.
 */
import { TriadError } from "@triad/protocol/words";
import { Command, CommanderError, type OutputConfiguration } from "commander";
import { EXIT, errorLine, exitCodeOf } from "./exit-code.ts";
import { note } from "./output.ts";

/** Runs `triad` with these arguments and answers its exit code; never throws, never exits. */
export async function runCli(args: readonly string[]): Promise<number> {
  let code: number = EXIT.done;
  const program = buildProgram((result) => {
    code = result;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return wrongUsage(error);
    note(errorLine(error));
    return exitCodeOf(error);
  }
}

/** Help that was asked for is a success; help shown because no command was named is wrong usage, as is whatever commander refuses. */
function wrongUsage(error: CommanderError): number {
  if (error.exitCode === 0) return EXIT.done;
  if (error.code !== "commander.help")
    note(errorLine(new TriadError("TRIAD_USAGE", `${error.message.replace(/^error: /, "")} (see triad --help)`)));
  return EXIT.usage;
}

type Done = (code: number) => void;

/** commander writes help to stdout and stderr itself; its errors are written by us, in our form. */
const OUTPUT: OutputConfiguration = { outputError: () => undefined };

export function buildProgram(done: Done): Command {
  const program = new Command("triad");
  program
    .description("Runs teams of agents as a durable, distributed cluster.")
    .exitOverride()
    .configureOutput(OUTPUT)
    .showSuggestionAfterError()
    .addHelpText("after", "\nExit codes: 0 done, 1 the work failed, 2 wrong usage, 3 cluster not reachable.");
  addClusterCommands(program, done);
  addWorkCommands(program, done);
  addLookCommands(program, done);
  addProcessCommands(program, done);
  addComingCommands(program);
  return program;
}

const collect = (word: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), word];

/** How client commands find the cluster. */
function client(command: Command): Command {
  return command
    .option("--url <url>", "a coordinator, such as http://127.0.0.1:7070")
    .option("--nats <url>", "find the cluster through NATS (not available in this version)")
    .option("--data-dir <dir>", "the cluster that `triad up` started there (default: .triad)")
    .option("--json", "print JSON");
}

function addClusterCommands(program: Command, done: Done): void {
  program
    .command("up")
    .description("start a cluster on this machine")
    .option("--team <file>", "team file (default: the concierge of the checkout)")
    .option("--host <address>", "where coordinators listen; beyond loopback TRIAD_API_TOKEN is required (default: 127.0.0.1)")
    .option("--coordinators <n>", "coordinator processes (default: 3)")
    .option("--workers <n>", "worker processes (default: 2)")
    .option("--threads <n>", "threads of each worker (default: at least 2, else one a core)")
    .option("--http <port>", "port of the first coordinator; the others follow (default: 7070)")
    .option("--data-dir <dir>", "where the cluster keeps its state (default: .triad)")
    .option("--nats <url>", "a nats-server of your own; without it one is started")
    .option("--retention <time>", "how long a task is kept after its end, such as 10m (default: 7d)")
    .option("--key-ttl <time>", "how long an idempotency key is kept (default: 24h)")
    .option("--detach", "return once all is ready; `triad down` ends it")
    .option("--json", "print addresses and process ids as JSON")
    .action(async (options) => done(await (await import("./commands/up.ts")).runUp(options)));
  program
    .command("down")
    .description("stop what `up` started: workers drain first, no process is left")
    .option("--data-dir <dir>", "the cluster's directory (default: .triad)")
    .option("--json", "print JSON")
    .action(async (options) => done(await (await import("./commands/down.ts")).runDown(options)));
  client(program.command("status").description("coordinators, workers and tasks of the cluster")).action(async (options) =>
    done(await (await import("./commands/status.ts")).runStatus(options)),
  );
  const scale = program.command("scale").description("change the number of processes, live");
  scale
    .command("workers")
    .description("run N workers: those that go drain first")
    .argument("<n>", "how many")
    .option("--data-dir <dir>", "the cluster's directory (default: .triad)")
    .option("--json", "print JSON")
    .action(async (count: string, options) => done(await (await import("./commands/scale-workers.ts")).runScaleWorkers(count, options)));
  coming(scale.command("coordinators").description("change the members of the cluster"), "triad scale coordinators");
}

function addWorkCommands(program: Command, done: Done): void {
  client(program.command("submit").description("submit a task and print its answer").argument("<text>", "the input"))
    .option("--conversation <id>", "go on in this conversation")
    .option("--require <skill=weight>", "a skill that is needed; may be repeated", collect)
    .option("--strategy <kind>", "single or ensemble", "single")
    .option("--agents <n>", "members of an ensemble (default: 3)")
    .option("--aggregate <how>", "first, majority, weighted (an ensemble's default), merge or judge")
    .option("--deadline <duration>", "end the task as expired after this long: 30s, 5m")
    .option("--key <key>", "idempotency key: the same key and task again is the same task")
    .option("--stream", "print text as it comes")
    .action(async (text: string, options) => done(await (await import("./commands/submit.ts")).runSubmit(text, options)));
  coming(program.command("run").description("run a batch of tasks from a file"), "triad run");
}

function addLookCommands(program: Command, done: Done): void {
  const tasks = program.command("tasks").description("look into tasks");
  client(tasks.command("show").description("a task with its steps").argument("<id>", "task id")).action(async (id: string, options) =>
    done(await (await import("./commands/tasks-show.ts")).runTasksShow(id, options)),
  );
  client(
    tasks
      .command("resolve")
      .description("say what became of an effect that a waiting task asks about, or answer its question")
      .argument("<id>", "task id")
      .argument("<n>", "place of the effect, as `tasks show` lists it"),
  )
    .option("--done <value>", "it happened and gave this: JSON, else text")
    .option("--repeat", "call it again, under a new key")
    .option("--member <m>", "which member of an ensemble, where several wait")
    .action(async (id: string, n: string, options) =>
      done(await (await import("./commands/tasks-resolve.ts")).runTasksResolve(id, n, options)),
    );
  const conversations = program.command("conversations").description("look into conversations");
  client(conversations.command("show").description("a conversation's transcript and facts").argument("<id>", "conversation id"))
    .option("--verify", "compute the hash chain again; exit 1 where it is broken")
    .action(async (id: string, options) =>
      done(await (await import("./commands/conversations-show.ts")).runConversationsShow(id, options)),
    );
  client(program.command("agents").description("agents and what is known of them")).action(async (options) =>
    done(await (await import("./commands/agents.ts")).runAgents(options)),
  );
  client(program.command("explain").description("who would take this, and why; changes nothing").argument("<text>", "the input"))
    .option("--require <skill=weight>", "a skill that is needed; may be repeated", collect)
    .action(async (text: string, options) => done(await (await import("./commands/explain.ts")).runExplain(text, options)));
}

function addProcessCommands(program: Command, done: Done): void {
  program
    .command("worker")
    .description("one worker process, in the foreground, to join a cluster")
    .option("--nats <url>", "the cluster's nats-server (or TRIAD_NATS_URL)")
    .option("--team <file>", "team file (default: the concierge of the checkout)")
    .option("--id <id>", "its name in the cluster (default: one of its own)")
    .option("--cluster <name>", "which cluster, where several answer")
    .option("--threads <n>", "threads (default: at least 2, else one a core)")
    .option("--http-host <address>", "where it serves /metrics and /healthz (default: 127.0.0.1)")
    .option("--http-port <port>", "0: any that is free", "0")
    .option("--log-level <level>", "debug, info, warn or error")
    .option("--json", "(its log is JSON always)")
    .action(async (options) => done(await (await import("./commands/worker.ts")).runWorker(options)));
  program
    .command("coordinator")
    .description("one coordinator process, in the foreground")
    .option("--nats <url>", "the cluster's nats-server (or TRIAD_NATS_URL)")
    .requiredOption("--id <id>", "which of the cluster file's coordinators this is")
    .requiredOption("--data-dir <dir>", "its store")
    .requiredOption("--cluster-file <file>", "cluster.json of the cluster")
    .option("--http-host <address>", "where it listens (default: 127.0.0.1)")
    .option("--http-port <port>", "default: the one in the cluster file")
    .option("--bootstrap", "an empty store is a new one; only until all were ready once")
    .option("--log-level <level>", "debug, info, warn or error")
    .option("--json", "(its log is JSON always)")
    .action(async (options) => done(await (await import("./commands/coordinator.ts")).runCoordinator(options)));
  program
    .command("supervise", { hidden: true })
    .requiredOption("--data-dir <dir>", "the cluster's directory")
    .action(async (options) => done(await (await import("./commands/supervise.ts")).runSupervise(options)));
  program
    .command("check-team", { hidden: true })
    .argument("<file>")
    .action(async (file: string) => done(await (await import("./commands/check-team.ts")).runCheckTeam(file)));
}

function addComingCommands(program: Command): void {
  coming(program.command("top").description("live view in the terminal"), "triad top");
  coming(program.command("doctor").description("check runtime, NATS, disk, clock and ports"), "triad doctor");
  coming(program.command("experiment").description("run an experiment"), "triad experiment");
  coming(program.command("bench").description("run a benchmark"), "triad bench");
}

/** A command of the contract that this version does not build: it says so, whatever its arguments. */
function coming(command: Command, name: string): void {
  command
    .argument("[args...]")
    .summary(`${command.description()} (not available yet)`)
    .option("--json", "print JSON")
    .allowUnknownOption()
    .action(() => {
      throw new TriadError("TRIAD_NOT_AVAILABLE", `\`${name}\` is not available in this version`);
    });
}
