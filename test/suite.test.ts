/** scripts/test counts honestly: what did not run, or cannot be read, is a failure. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { passOrFail, reconcile, runCommand } from "../scripts/suite/part.ts";

const main = resolve(import.meta.dirname, "../scripts/suite/main.ts");
const suite = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });

describe("a part of scripts/test", () => {
  it.each([
    ["all passed", { passed: 5, failed: 0 }, 0, { passed: 5, failed: 0 }],
    ["some failed", { passed: 5, failed: 2 }, 1, { passed: 5, failed: 2 }],
    ["all passed, and yet it ended badly", { passed: 5, failed: 0 }, 1, { passed: 5, failed: 1 }],
    ["ended by a signal", { passed: 5, failed: 0 }, null, { passed: 5, failed: 1 }],
    ["ran nothing", { passed: 0, failed: 0 }, 0, { passed: 0, failed: 1 }],
  ])("that %s", (_what, counted, exitCode, expected) => {
    expect(reconcile(counted, exitCode)).toEqual(expected);
  });

  it("whose tool is missing, fails", async () => {
    expect(await runCommand("no-such-tool", [], tmpdir())).toBeNull();
    expect(await passOrFail("no-such-tool", [], tmpdir())).toEqual({ passed: 0, failed: 1 });
  });

  it("runs in the folder that it is given", async () => {
    const folder = mkdtempSync(join(tmpdir(), "triad suite "));
    try {
      const here = `process.exit(process.cwd().endsWith(${JSON.stringify(folder)}) ? 0 : 1)`;
      expect(await passOrFail(process.execPath, ["-e", here], folder)).toEqual({ passed: 1, failed: 0 });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("scripts/test", () => {
  it("names its parts", () => {
    const help = suite("--help");
    expect(help.status).toBe(0);
    for (const part of ["lint", "types", "unused", "tests", "tarballs", "acceptance"]) expect(help.stdout).toContain(`  ${part} `);
  });

  it("refuses a part that is none, in one line", () => {
    const refused = suite("lint", "everything");
    expect([refused.status, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toMatch(/^scripts\/test: "everything" is no part of the tests;.*\n$/);
  });
});
