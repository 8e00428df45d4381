/**
 * Proof that each wall of the house stands: small forbidden files are laid into a copy of the house's own configuration, and the tools
 * refuse each of them for the reason that its wall gives; files that do what is allowed pass. One run of each tool judges all of them.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");

interface Case {
  readonly wall: string;
  /** Where the file lies: walls are made of places. */
  readonly file: string;
  readonly source: string;
}

interface LintCase extends Case {
  /** The category by which Biome must refuse it. */
  readonly refusedBy: string;
  /** Files beside it that it needs, allowed themselves. */
  readonly beside?: Readonly<Record<string, string>>;
}

const CORE = "packages/coordinator/src/core";
const imports = "lint/style/noRestrictedImports";
const globals = "lint/style/noRestrictedGlobals";
const cycles = "lint/suspicious/noImportCycles";

const inCore = (wall: string, name: string, refusedBy: string, source: string): LintCase => ({
  wall,
  file: `${CORE}/${name}.ts`,
  source,
  refusedBy,
});

const lintCases: readonly LintCase[] = [
  inCore("core knows no clock", "date-now", globals, "export const now = (): number => Date.now();"),
  inCore("core knows no clock, by new", "date-new", globals, "export const now = (): string => String(new Date());"),
  inCore("core knows no clock, by performance", "performance", globals, "export const now = (): number => performance.now();"),
  inCore("core knows no clock, by globalThis", "global-this", globals, "export const now = (): unknown => globalThis.Date;"),
  inCore("core knows no randomness", "random", "plugin", "export const pick = (): number => Math.random();"),
  inCore("core knows no randomness, by brackets", "random-brackets", "plugin", 'export const pick = (): number => Math["random"]();'),
  inCore(
    "core knows no randomness, taken apart",
    "random-apart",
    "plugin",
    "const { random } = Math;\nexport const pick = (): number => random();",
  ),
  inCore(
    "core knows no randomness, by crypto",
    "crypto",
    globals,
    "export const pick = (to: Uint8Array): unknown => crypto.getRandomValues(to);",
  ),
  inCore("core knows no timers", "timeout", globals, "export const later = (run: () => void): unknown => setTimeout(run, 1);"),
  inCore("core knows no timers, repeated", "interval", globals, "export const often = (run: () => void): unknown => setInterval(run, 1);"),
  inCore("core knows no microtasks", "microtask", globals, "export const soon = (run: () => void): void => queueMicrotask(run);"),
  inCore("core knows no promises", "promise", globals, "export const later = (): unknown => Promise.resolve(1);"),
  inCore("core knows no promises, by async", "async-function", "plugin", "export async function later() {\n  return 1;\n}"),
  inCore("core knows no promises, by async arrow", "async-arrow", "plugin", "export const later = async () => 1;"),
  inCore(
    "core knows no promises, by async method",
    "async-method",
    "plugin",
    "export class Later {\n  async run() {\n    return 1;\n  }\n}",
  ),
  inCore("core knows no promises, by await", "await", "plugin", "export const now = await 1;"),
  inCore("core knows no promises, by dynamic import", "dynamic-import", "plugin", 'export const fs = () => import("./raft/clean.ts");'),
  inCore(
    "core knows no Node modules",
    "node-module",
    imports,
    'import { readFileSync } from "node:fs";\nexport const read = readFileSync;',
  ),
  inCore("core knows no Node modules, old names", "node-module-old", imports, 'import { join } from "path";\nexport const read = join;'),
  inCore("core knows no Node globals", "process", globals, "export const pid = (): unknown => process.pid;"),
  inCore("core knows no Node globals, Buffer", "buffer", globals, 'export const bytes = (): Uint8Array => Buffer.from("x");'),
  inCore("core knows no packages", "package", imports, 'import fastify from "fastify";\nexport const server = fastify;'),
  inCore(
    "core knows no packages, not by type",
    "package-type",
    imports,
    'import type { FastifyInstance } from "fastify";\nexport type Server = FastifyInstance;',
  ),
  inCore("core imports no service", "service", imports, 'import { port } from "../services/ports.ts";\nexport const up = port;'),
  inCore(
    "core imports no service, from within",
    "raft/service",
    imports,
    'import type { Port } from "../../services/ports.ts";\nexport type Up = Port;',
  ),
  inCore("core imports no adapter", "adapter", imports, 'import { disk } from "../adapters/disk.ts";\nexport const up = disk;'),
  inCore("core imports no root", "root", imports, 'export { node } from "../node.ts";'),
  inCore(
    "core imports no other package",
    "other-package",
    imports,
    'import { client } from "@triad/client";\nexport const other = client;',
  ),
  inCore("apply knows no logarithm", "state/logarithm", "plugin", "export const weight = (share: number): number => Math.log(share);"),
  inCore("apply knows no power", "transition/power", "plugin", "export const square = (of: number): number => of ** 2;"),
  {
    wall: "a service imports no adapter",
    file: "packages/coordinator/src/services/service-adapter.ts",
    source: 'import { disk } from "../adapters/disk.ts";\nexport const wired = disk;',
    refusedBy: imports,
  },
  {
    wall: "a service imports no adapter, not by type",
    file: "packages/agent-worker/src/services/pool/service-adapter-type.ts",
    source: 'import type { Disk } from "../../adapters/disk.ts";\nexport type Wired = Disk;',
    refusedBy: imports,
  },
  {
    wall: "what is no composition root imports no adapter",
    file: "packages/coordinator/src/config.ts",
    source: 'export { disk } from "./adapters/disk.ts";',
    refusedBy: imports,
  },
  {
    wall: "the public door leads to no adapter",
    file: "packages/agent-worker/src/index.ts",
    source: 'export { disk } from "./adapters/disk.ts";',
    refusedBy: imports,
  },
  {
    wall: "no source imports the test kit",
    file: "packages/coordinator/src/services/kit.ts",
    source: 'import { cluster } from "@triad/testkit";\nexport const kit = cluster;',
    refusedBy: imports,
  },
  {
    wall: "no composition root imports the test kit",
    file: "packages/cli/src/main.ts",
    source: 'import { cluster } from "@triad/testkit";\nexport const kit = cluster;',
    refusedBy: imports,
  },
  {
    wall: "no team imports the test kit",
    file: "teams/example/team.ts",
    source: 'import { cluster } from "@triad/testkit";\nexport const kit = cluster;',
    refusedBy: imports,
  },
  {
    wall: "protocol imports nothing of ours",
    file: "packages/protocol/src/upward.ts",
    source: 'import { raft } from "@triad/coordinator";\nexport const up = raft;',
    refusedBy: imports,
  },
  {
    wall: "protocol imports nothing of ours, by path",
    file: "packages/protocol/src/sideways.ts",
    source: 'import { raft } from "../../coordinator/src/index.ts";\nexport const up = raft;',
    refusedBy: imports,
  },
  {
    wall: "protocol knows no Node",
    file: "packages/protocol/src/node-module.ts",
    source: 'import { createHash } from "node:crypto";\nexport const hash = createHash;',
    refusedBy: imports,
  },
  {
    wall: "no import cycles",
    file: "packages/client/src/cycle-a.ts",
    source: 'import { b } from "./cycle-b.ts";\nexport const a = (): unknown => b;',
    refusedBy: cycles,
    beside: { "packages/client/src/cycle-b.ts": 'import { a } from "./cycle-a.ts";\nexport const b = (): unknown => a;' },
  },
  {
    wall: "no import cycles, not of types",
    file: "packages/client/src/circle-a.ts",
    source: 'import type { B } from "./circle-b.ts";\nexport interface A {\n  readonly b?: B;\n}',
    refusedBy: cycles,
    beside: { "packages/client/src/circle-b.ts": 'import type { A } from "./circle-a.ts";\nexport interface B {\n  readonly a?: A;\n}' },
  },
];

/** What the walls leave open: were one of these refused, the cases above would prove nothing. */
const allowed: readonly Case[] = [
  {
    wall: "core uses itself, protocol and arithmetic",
    file: `${CORE}/raft/clean.ts`,
    source:
      'import type { TaskStatus } from "@triad/protocol";\nimport { half } from "../half.ts";\n\nexport const rounded = (of: number, _as: TaskStatus): number => Math.floor(half(of)) + Math.max(1, of);',
  },
  {
    wall: "apply uses exact arithmetic",
    file: `${CORE}/state/exact.ts`,
    source: "export const mean = (a: number, b: number): number => Math.floor((a + b) / 2) * Math.min(a, b);",
  },
  {
    wall: "the router uses logarithms",
    file: `${CORE}/routing/log.ts`,
    source: "export const utility = (of: number): number => Math.log(of);",
  },
  { wall: "core uses itself", file: `${CORE}/half.ts`, source: "export const half = (of: number): number => of / 2;" },
  {
    wall: "a service uses core, clocks and promises",
    file: "packages/coordinator/src/services/ports.ts",
    source:
      'import { half } from "../core/half.ts";\n\nexport interface Port {\n  now(): number;\n}\nexport const port: Port = { now: () => half(Date.now()) };\nexport async function later(): Promise<number> {\n  return await Promise.resolve(Math.random());\n}',
  },
  {
    wall: "an adapter uses Node, a port and an adapter",
    file: "packages/coordinator/src/adapters/disk.ts",
    source:
      'import { readFileSync } from "node:fs";\nimport { port } from "../services/ports.ts";\nimport { sector } from "./store/sector.ts";\n\nexport const disk = (): unknown => [readFileSync, port, sector];',
  },
  { wall: "adapters have rooms", file: "packages/coordinator/src/adapters/store/sector.ts", source: "export const sector = 512;" },
  {
    wall: "a composition root wires adapters",
    file: "packages/coordinator/src/node.ts",
    source:
      'import { disk } from "./adapters/disk.ts";\nimport { later } from "./services/ports.ts";\n\nexport const node = (): unknown => [disk, later];',
  },
  {
    wall: "a test imports the test kit",
    file: "packages/coordinator/test/kit.ts",
    source: 'import { cluster } from "@triad/testkit";\n\nexport const kit: unknown = cluster;',
  },
];

/** The projects of the type check that need Node's globals to be absent. */
const typeCases: readonly (Case & { readonly error: RegExp })[] = [
  { wall: "process", file: `${CORE}/type-process.ts`, source: "export const pid: number = process.pid;", error: /TS2591|TS2580|TS2304/ },
  { wall: "setTimeout", file: `${CORE}/type-timer.ts`, source: "export const timer: unknown = setTimeout;", error: /TS2304|TS2552/ },
  { wall: "console", file: `${CORE}/type-console.ts`, source: 'console.log("x");\nexport {};', error: /TS2584|TS2304/ },
  {
    wall: "a file of an outer room",
    file: `${CORE}/type-upward.ts`,
    source: 'import type { Port } from "../services/ports.ts";\nexport type Up = Port;',
    error: /TS6059|TS6307/,
  },
];

/** What the type check of core/ needs of the house: its own project, and the one that it refers to. */
const projects: readonly string[] = [
  `${CORE}/tsconfig.json`,
  "packages/coordinator/package.json",
  "packages/protocol/package.json",
  "packages/protocol/tsconfig.json",
  "packages/protocol/src",
];

let house: string;

function lay(file: string, source: string): void {
  mkdirSync(dirname(join(house, file)), { recursive: true });
  writeFileSync(join(house, file), `${source}\n`);
}

beforeAll(() => {
  house = mkdtempSync(join(tmpdir(), "triad-walls-"));
  for (const part of ["biome.jsonc", ".gitignore", "scripts/lint", "tsconfig.base.json", ...projects]) {
    mkdirSync(dirname(join(house, part)), { recursive: true });
    cpSync(join(root, part), join(house, part), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(house, "node_modules"));
  symlinkSync(join(root, "packages/protocol/node_modules"), join(house, "packages/protocol/node_modules"));
  for (const { file, source } of allowed) lay(file, source);
});

afterAll(() => rmSync(house, { recursive: true, force: true }));

describe("Biome", () => {
  /** file → categories by which it was refused. */
  const refused = new Map<string, Set<string>>();

  beforeAll(() => {
    for (const { file, source, beside = {} } of lintCases) {
      lay(file, source);
      for (const [neighbour, text] of Object.entries(beside)) lay(neighbour, text);
    }
    const run = spawnSync(join(root, "node_modules/.bin/biome"), ["lint", "--reporter=json", "--max-diagnostics=none"], {
      cwd: house,
      encoding: "utf8",
    });
    const report = JSON.parse(run.stdout) as {
      readonly diagnostics: readonly {
        readonly category: string;
        readonly severity: string;
        readonly location: { readonly path: string };
      }[];
    };
    for (const { category, location } of report.diagnostics) {
      refused.set(location.path, (refused.get(location.path) ?? new Set()).add(category));
    }
  });

  it.each(lintCases)("refuses: $wall ($file)", ({ file, refusedBy }) => {
    expect([...(refused.get(file) ?? [])]).toContain(refusedBy);
  });

  it.each(allowed)("allows: $wall ($file)", ({ file }) => {
    expect([...(refused.get(file) ?? [])]).toEqual([]);
  });
});

describe("TypeScript", () => {
  let output: string;

  beforeAll(() => {
    for (const { file } of lintCases) rmSync(join(house, file), { force: true });
    for (const { file, source } of typeCases) lay(file, source);
    const run = spawnSync(join(root, "node_modules/.bin/tsc"), ["-b", CORE, "--pretty", "false"], { cwd: house, encoding: "utf8" });
    output = run.stdout;
  });

  it.each(typeCases)("core does not compile with $wall", ({ file, error }) => {
    const lines = output.split("\n").filter((text) => text.startsWith(file));
    expect(lines.join("\n"), output).toMatch(error);
  });

  it("compiles what is allowed", () => {
    expect(output).not.toContain("clean.ts");
    expect(output).not.toContain("half.ts");
  });
});
