/** The supervisor with small children of its own: how it restarts, what the state file says meanwhile, and in which order all ends. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isAlive } from "../src/processes/process-identity.ts";
import { BACK_OFF_DEFAULT, deathsInARow, restartDelayMs } from "../src/supervisor/back-off.ts";
import type { ChildKind, ChildSpec } from "../src/supervisor/child-spec.ts";
import { lastWords, openLog } from "../src/supervisor/log-file.ts";
import { type ChildState, readState } from "../src/supervisor/state-file.ts";
import { Supervisor } from "../src/supervisor/supervisor.ts";
import { eventually } from "./eventually.ts";

describe("back-off", () => {
  it("doubles from 100 ms to 5 s, and starts anew after 10 s alive", () => {
    const waits: number[] = [];
    let deaths = 0;
    for (let i = 0; i < 8; i++) {
      deaths = deathsInARow(deaths, 3, BACK_OFF_DEFAULT);
      waits.push(restartDelayMs(deaths, BACK_OFF_DEFAULT));
    }
    expect(waits).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(restartDelayMs(deathsInARow(deaths, 10_000, BACK_OFF_DEFAULT), BACK_OFF_DEFAULT)).toBe(100);
  });

  it("never leaves its bounds and never shrinks within a row", () => {
    fc.assert(
      fc.property(fc.nat(100_000), (deaths) => {
        const wait = restartDelayMs(deaths, BACK_OFF_DEFAULT);
        expect(wait).toBeGreaterThanOrEqual(100);
        expect(wait).toBeLessThanOrEqual(5_000);
        expect(restartDelayMs(deaths + 1, BACK_OFF_DEFAULT)).toBeGreaterThanOrEqual(wait);
      }),
    );
  });
});

describe("logs", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "triad logs "));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("puts a long log aside once, and appends to a short one", async () => {
    const { closeSync, writeSync } = await import("node:fs");
    const file = join(folder, "deep", "a.log");
    const write = (text: string): void => {
      const handle = openLog(file, 5);
      writeSync(handle, text);
      closeSync(handle);
    };
    write("123");
    write("456");
    write("789");
    expect([readFileSync(file, "utf8"), readFileSync(`${file}.1`, "utf8")]).toEqual(["789", "123456"]);
  });

  it("finds the words that name the cause", () => {
    const file = join(folder, "a.log");
    expect(lastWords(file)).toBeUndefined();
    writeFileSync(file, 'start\n{"level":50,"msg":"TRIAD_STORE_CORRUPT: segment 3"}\nbye\n');
    expect(lastWords(file)).toBe("TRIAD_STORE_CORRUPT: segment 3");
    writeFileSync(file, "one\ntwo\n");
    expect(lastWords(file)).toBe("two");
  });
});

describe("Supervisor", () => {
  let folder = "";
  let supervisor: Supervisor;
  const lines: string[] = [];
  const finished: string[] = [];
  const stateFile = (): string => join(folder, "run", "state.json");
  const child = (name: string): ChildState | undefined => readState(stateFile())?.children.find((one) => one.name === name);
  const runs = (name: string): number | undefined => child(name)?.process?.pid;

  function spec(name: string, kind: ChildKind, script: string, more: Partial<ChildSpec> = {}): ChildSpec {
    const trace = join(folder, "trace");
    const prelude = `const fs = require("fs"); const note = (what) => fs.appendFileSync(${JSON.stringify(trace)}, what + "\\n"); note("start ${name}");`;
    return {
      name,
      kind,
      command: process.execPath,
      args: () => ["-e", prelude + script],
      env: { PATH: process.env["PATH"] ?? "" },
      logFile: join(folder, `${name}.log`),
      stopMs: 5_000,
      mayFinish: false,
      ...more,
    };
  }
  const obedient = (name: string): string =>
    `setInterval(() => {}, 1000); process.on("SIGTERM", () => { note("end ${name}"); process.exit(0); }); note("ready ${name}");`;
  const trace = (): string[] => readFileSync(join(folder, "trace"), "utf8").trim().split("\n");
  const ready = (name: string): Promise<unknown> => eventually(`${name} is ready`, () => trace().includes(`ready ${name}`));

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "triad supervisor "));
    writeFileSync(join(folder, "trace"), "");
    lines.length = 0;
    finished.length = 0;
    supervisor = new Supervisor({
      stateFile: stateFile(),
      timing: { minMs: 20, maxMs: 80, resetAfterMs: 60_000 },
      finished: ({ name }) => finished.push(name),
      log: (line) => lines.push(line),
    });
  });
  afterEach(async () => {
    supervisor.kill();
    await supervisor.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("names itself and every process in the state file, with what tells it from a later one of the same pid", () => {
    supervisor.add(spec("w1", "worker", obedient("w1")));
    const state = readState(stateFile());
    expect(state?.supervisor.pid).toBe(process.pid);
    expect(state !== undefined && isAlive(state.supervisor)).toBe(true);
    const identity = child("w1")?.process;
    expect(identity !== undefined && isAlive(identity)).toBe(true);
    expect(identity !== undefined && isAlive({ ...identity, start: "another" })).toBe(false);
  });

  it("starts a child that was killed again, under its name, and the file follows", async () => {
    supervisor.add(spec("c1", "coordinator", obedient("c1")));
    const first = runs("c1");
    await ready("c1");
    process.kill(first ?? 0, "SIGKILL");
    const second = await eventually("another process", () => (runs("c1") !== first ? runs("c1") : undefined));
    expect(second).not.toBe(first);
    expect(child("c1")).toMatchObject({ starts: 2, deaths: 1, lastExit: "SIGKILL", stopping: false });
  });

  it("waits longer with every death in a row, and asks for the flags anew", async () => {
    let asked = 0;
    const one = spec("w1", "worker", "process.exit(3);");
    const countedArgs = (): readonly string[] => {
      asked++;
      return one.args();
    };
    supervisor.add({ ...one, args: countedArgs });
    await eventually("five deaths", () => (child("w1")?.deaths ?? 0) >= 5);
    const waits = lines.flatMap((line) => /again in (\d+) ms/.exec(line)?.[1] ?? []).map(Number);
    expect(waits.slice(0, 5)).toEqual([20, 40, 80, 80, 80]);
    expect(asked).toBeGreaterThanOrEqual(5);
    expect(child("w1")?.lastExit).toBe("exit 3");
  });

  it("takes a program that can't be started for one that died", async () => {
    supervisor.add(spec("nats", "nats", "", { command: join(folder, "no-such-program") }));
    await eventually("two tries", () => (child("nats")?.deaths ?? 0) >= 2);
    expect(child("nats")?.process).toBeUndefined();
    expect(child("nats")?.lastExit).toContain("ENOENT");
  });

  it("ends workers, then coordinators, then nats, and starts none again", async () => {
    for (const [name, kind] of [
      ["nats", "nats"],
      ["c1", "coordinator"],
      ["c2", "coordinator"],
      ["w1", "worker"],
      ["w2", "worker"],
    ] as const)
      supervisor.add(spec(name, kind, obedient(name)));
    const names = ["nats", "c1", "c2", "w1", "w2"];
    await Promise.all(names.map(ready));
    const before = readState(stateFile())?.children.map((one) => one.process) ?? [];
    await supervisor.stop();
    const ends = trace()
      .filter((line) => line.startsWith("end "))
      .map((line) => line.slice(4));
    expect(ends).toHaveLength(5);
    expect([ends.slice(0, 2).toSorted(), ends.slice(2, 4).toSorted(), ends[4]]).toEqual([["w1", "w2"], ["c1", "c2"], "nats"]);
    expect(before.every((identity) => identity !== undefined && !isAlive(identity))).toBe(true);
    expect(trace().filter((line) => line.startsWith("start "))).toHaveLength(5);
    expect(readState(stateFile())?.children.every((one) => one.process === undefined)).toBe(true);
  });

  it("kills a child that does not end in its time, also one that is stopped", async () => {
    supervisor.add(
      spec("w1", "worker", 'setInterval(() => {}, 1000); process.on("SIGTERM", () => note("heard w1")); note("ready w1");', {
        stopMs: 150,
      }),
    );
    await ready("w1");
    process.kill(runs("w1") ?? 0, "SIGSTOP");
    await supervisor.stop();
    expect(child("w1")?.lastExit).toBe("SIGKILL");
  });

  it("forgets a child that was removed, and its name is free again", async () => {
    supervisor.add(spec("w1", "worker", obedient("w1")));
    supervisor.add(spec("w2", "worker", obedient("w2")));
    await ready("w2");
    const removal = supervisor.remove("w2");
    expect(supervisor.active("worker").map(({ name }) => name)).toEqual(["w1"]);
    expect(supervisor.names.has("w2")).toBe(true);
    await removal;
    expect(child("w2")).toBeUndefined();
    supervisor.add(spec("w2", "worker", obedient("w2")));
    expect(child("w2")?.starts).toBe(1);
  });

  it("lets a child finish that may, and tells of it; exit 0 of any other is a death", async () => {
    supervisor.add(spec("c1", "coordinator", "process.exit(0);"));
    await eventually("a death", () => (child("c1")?.deaths ?? 0) >= 2);
    supervisor.add(spec("w1", "worker", "process.exit(0);", { mayFinish: true }));
    supervisor.add(spec("w2", "worker", "process.exit(1);", { mayFinish: true }));
    expect(await eventually("the worker has finished", () => finished[0])).toBe("w1");
    await eventually("a death", () => (child("w2")?.deaths ?? 0) >= 2);
    expect(child("w1")).toBeUndefined();
    expect(finished).toEqual(["w1"]);
  });

  it("does not start a child again whose wait is cut short by the end", async () => {
    supervisor.add(spec("w1", "worker", "process.exit(3);"));
    await eventually("a death", () => (child("w1")?.deaths ?? 0) >= 1);
    await supervisor.stop();
    const starts = child("w1")?.starts;
    await new Promise((resolve) => setTimeout(resolve, 200)); // longer than the longest wait
    expect(child("w1")?.starts).toBe(starts);
  });
});
