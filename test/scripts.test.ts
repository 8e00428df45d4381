/**
 * The scripts on a machine with next to nothing: a folder with a space in its name, a PATH of a few tools, and an `npx` that lays a Node
 * where pnpm would. What is tried is the scripts' own work (finding themselves, one installation, messages, clean stdout), without a registry.
 */
import { spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
/** What a small system has. flock and nats-server are left out, and added by the tests that want them. */
const TOOLS = [
  "bash",
  "env",
  "uname",
  "dirname",
  "readlink",
  "cmp",
  "mktemp",
  "cp",
  "mv",
  "rm",
  "mkdir",
  "rmdir",
  "ln",
  "cat",
  "chmod",
  "sleep",
  "id",
] as const;
const PACKAGE = `node-${process.platform === "darwin" && process.arch === "arm64" ? "bin-" : ""}${process.platform}-${process.arch}`;

let folder: string;
let checkout: string;
let bin: string;

function script(file: string, text: string): void {
  mkdirSync(resolve(file, ".."), { recursive: true });
  writeFileSync(file, `#!/usr/bin/env bash\n${text}\n`);
  chmodSync(file, 0o755);
}

/** The real place of a tool. */
function which(tool: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/bin", "/bin"];
  return folders.map((path) => join(path, tool)).find((path) => existsSync(path));
}

function link(tool: string): void {
  const real = which(tool);
  if (real !== undefined) symlinkSync(real, join(bin, tool));
}

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(file: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Run> {
  return new Promise((done, fail) => {
    const child = spawn(file, args, { cwd: folder, env: { PATH: bin, HOME: folder, TMPDIR: folder, ...environment } });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data: Buffer) => {
      stdout += data.toString("utf8");
    });
    child.stderr.on("data", (data: Buffer) => {
      stderr += data.toString("utf8");
    });
    child.once("error", fail);
    child.once("close", (code) => done({ code, stdout, stderr }));
  });
}

const installs = (): number =>
  existsSync(join(folder, "installs")) ? readFileSync(join(folder, "installs"), "utf8").trim().split("\n").length : 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "triad scripts "));
  checkout = join(folder, "a checkout");
  bin = join(folder, "bin");
  mkdirSync(bin);
  for (const tool of TOOLS) link(tool);
  cpSync(join(root, "scripts"), join(checkout, "scripts"), { recursive: true });
  // Nothing of the machine that the test runs on may be found by the places that the script looks at.
  const bootstrap = join(checkout, "scripts/bootstrap");
  writeFileSync(bootstrap, readFileSync(bootstrap, "utf8").replace("/usr/sbin /usr/local/bin /opt/homebrew/bin", "/nowhere"));
  writeFileSync(join(checkout, "pnpm-lock.yaml"), "one\n");
  script(join(bin, "node"), 'if [ "$1" = -p ]; then echo 20.11.0; else exit 9; fi');
  // The pinned Node of the tests prints what it was given, one argument a line.
  script(
    join(bin, "npx"),
    `echo "$*" >>"${folder}/installs"; echo "npx prints on stdout"; sleep 0.3; mkdir -p node_modules/${PACKAGE}/bin
printf '#!/usr/bin/env bash\\nprintf "%%s\\\\n" "\${@##*/}" "\${NODE_COMPILE_CACHE##*/node_modules/}"\\n' >node_modules/${PACKAGE}/bin/node; chmod +x node_modules/${PACKAGE}/bin/node`,
  );
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const triad = (): string => join(checkout, "scripts/triad");

describe("scripts/triad", () => {
  it("sets up once, prints nothing of it on stdout, and passes arguments as they are", async () => {
    const first = await run(triad(), ["status", "two words", "--json"]);
    expect(first).toMatchObject({ code: 0, stdout: "main.ts\nstatus\ntwo words\n--json\n.cache/node\n" });
    expect(first.stderr).toContain("npx prints on stdout");
    expect(readFileSync(join(folder, "installs"), "utf8")).toBe("-y pnpm@12.21.0 install --frozen-lockfile\n");

    expect(await run(triad(), ["status"])).toEqual({ code: 0, stdout: "main.ts\nstatus\n.cache/node\n", stderr: "" });
    expect(installs()).toBe(1);

    writeFileSync(join(checkout, "pnpm-lock.yaml"), "two\n");
    expect((await run(triad(), ["status"])).code).toBe(0);
    expect(installs()).toBe(2);
  });

  it("works through a symlink to a symlink", async () => {
    symlinkSync(triad(), join(folder, "link"));
    symlinkSync("link", join(folder, "second link"));
    expect(await run(join(folder, "second link"), ["agents"])).toMatchObject({ code: 0, stdout: "main.ts\nagents\n.cache/node\n" });
  });

  it.each([
    ["with flock", true],
    ["without flock, after a crash that left a lock", false],
  ])("installs once where four start at once, %s", async (_how, flock) => {
    if (flock) link("flock");
    else symlinkSync("99999999", join(checkout, ".bootstrap.lock"));
    const runs = await Promise.all([1, 2, 3, 4].map((n) => run(triad(), [`run-${n}`])));
    expect(runs.map(({ code, stdout }) => [code, stdout])).toEqual([1, 2, 3, 4].map((n) => [0, `main.ts\nrun-${n}\n.cache/node\n`]));
    expect(installs()).toBe(1);
    expect(readdirSync(checkout).filter((name) => name.startsWith(".bootstrap"))).toEqual([]);
  });

  it("tries a failed installation a second time, then stops with a line, and leaves no stamp", async () => {
    script(join(bin, "npx"), `echo x >>"${folder}/installs"; exit 1`);
    const failed = await run(triad(), ["status"]);
    expect(failed).toMatchObject({ code: 1, stdout: "" });
    expect(failed.stderr).toMatch(/failed twice/);
    expect(installs()).toBe(2);
    expect(existsSync(join(checkout, "node_modules/.triad-bootstrap"))).toBe(false);
  });

  it.each<[string, () => void, RegExp]>([
    ["Node is missing", () => rmSync(join(bin, "node")), /^triad: Node is missing: install Node 20/],
    ["Node is too old", () => script(join(bin, "node"), "echo 18.19.0"), /^triad: Node 18\.19\.0 is too old: install Node 20/],
    ["npm is missing", () => rmSync(join(bin, "npx")), /^triad: npm \(npx\) is missing beside Node 20\.11\.0: install Node 20/],
  ])("says in one line that %s", async (_what, spoil, message) => {
    spoil();
    const refused = await run(triad(), ["status"]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(message);
    expect(refused.stderr.trim().split("\n")).toHaveLength(1);
  });

  it("needs a nats-server for `up` alone, and only where none is named", async () => {
    script(join(bin, "id"), "echo 1000"); // not root: nothing may be installed
    await run(triad(), ["status"]);
    const refused = await run(triad(), ["up"]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^error TRIAD_NATS_MISSING: .*macOS: .*Debian.*containers: .*\n$/);
    expect((await run(triad(), ["status"])).code).toBe(0);
    expect((await run(triad(), ["up", "--nats", "nats://127.0.0.1:4222"])).code).toBe(0);
    expect((await run(triad(), ["up", "--help"])).code).toBe(0);
    expect((await run(triad(), ["up"], { TRIAD_NATS_URL: "nats://127.0.0.1:4222" })).code).toBe(0);
    script(join(bin, "nats-server"), "exit 0");
    expect((await run(triad(), ["up"])).code).toBe(0);
  });

  it("installs nats-server by apt where it may", async () => {
    script(join(bin, "id"), "echo 0");
    script(
      join(bin, "apt-get"),
      `echo "$*" >>"${folder}/apt"; case "$*" in *update*) : >"${folder}/updated" ;; *install*) [ -e "${folder}/updated" ] || exit 100; printf '#!/bin/sh\\n' >"${bin}/nats-server"; chmod +x "${bin}/nats-server" ;; esac`,
    );
    const up = await run(triad(), ["up"]);
    expect(up).toMatchObject({ code: 0, stdout: "main.ts\nup\n.cache/node\n" });
    expect(
      readFileSync(join(folder, "apt"), "utf8")
        .split("\n")
        .map((line) => /\b(install|update)\b/.exec(line)?.[1]),
    ).toEqual(["install", "update", "install", undefined]);
  });
});

describe("the other scripts", () => {
  it("run the demo and the tests on the pinned Node", async () => {
    script(join(bin, "nats-server"), "exit 0");
    expect(await run(join(checkout, "scripts/demo"), ["--dialogues", "3"])).toMatchObject({
      code: 0,
      stdout: "demo.ts\n--dialogues\n3\n.cache/node\n",
    });
    expect(await run(join(checkout, "scripts/test"), ["lint"])).toMatchObject({ code: 0, stdout: "main.ts\nlint\n.cache/node\n" });
    expect(installs()).toBe(1);
  });
});
