import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TriadError } from "@triad/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { apiToken, readConfigFile, resolveSettings } from "../src/configuration.ts";
import { coordinators, host, isLoopback, threads, workers } from "../src/settings.ts";

const table = { coordinators, workers, threads, host };

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof TriadError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return "nothing was wrong";
}

describe("layers", () => {
  it("flags beat the environment, that beats the file, that beats the default", () => {
    const layers = {
      flags: { coordinators: "5" },
      env: { TRIAD_COORDINATORS: "7", TRIAD_WORKERS: "4", TRIAD_THREADS: "" },
      file: { coordinators: 9, workers: 9, host: "10.0.0.1" },
    };
    const values = resolveSettings(table, layers);
    expect(values).toEqual({ coordinators: 5, workers: 4, threads: undefined, host: "10.0.0.1" });
    expect(Object.isFrozen(values)).toBe(true);
  });

  it("lists every problem of every layer at once, and where it stands", () => {
    const line = codeOf(() =>
      resolveSettings(table, { flags: { coordinators: "three" }, env: { TRIAD_WORKERS: "-1" }, file: { threads: 1.5, host: { a: 1 } } }),
    );
    expect(line).toMatch(/^TRIAD_CONFIG_INVALID: /);
    for (const part of [
      '--coordinators must be a whole number from 1 to 9, not "three"',
      "TRIAD_WORKERS must",
      "triad.config.ts: threads must",
      "triad.config.ts: host must",
    ])
      expect(line).toContain(part);
  });

  it("calls it wrong usage where flags alone are wrong", () => {
    expect(codeOf(() => resolveSettings(table, { flags: { coordinators: "0", threads: "many" }, env: {}, file: {} }))).toMatch(
      /^TRIAD_USAGE: --coordinators .*; --threads /,
    );
  });
});

describe("files", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "triad configuration "));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("reads triad.config.ts where there is one", async () => {
    expect(await readConfigFile(folder)).toEqual({});
    writeFileSync(join(folder, "triad.config.ts"), "const workers: number = 5;\nexport default { workers };\n");
    expect(await readConfigFile(folder)).toEqual({ workers: 5 });
  });

  it.each([
    ["export default 7;", "must export an object"],
    ["export default { wokers: 3 };", "wokers"],
    ["export default {", "can't be loaded"],
    ["throw new Error('as told');", "as told"],
  ])("refuses %j", async (text, why) => {
    writeFileSync(join(folder, "triad.config.ts"), text);
    await expect(readConfigFile(folder)).rejects.toMatchObject({ code: "TRIAD_CONFIG_INVALID", message: expect.stringContaining(why) });
  });

  it("takes the token from the environment or from its file", () => {
    expect(apiToken({})).toBeUndefined();
    expect(apiToken({ TRIAD_API_TOKEN: "a" })).toBe("a");
    const file = join(folder, "token");
    writeFileSync(file, "b\n");
    expect(apiToken({ TRIAD_API_TOKEN_FILE: file })).toBe("b");
    writeFileSync(file, "\n");
    expect(codeOf(() => apiToken({ TRIAD_API_TOKEN_FILE: file }))).toMatch(/^TRIAD_CONFIG_INVALID/);
    expect(codeOf(() => apiToken({ TRIAD_API_TOKEN_FILE: join(folder, "none") }))).toMatch(/^TRIAD_CONFIG_INVALID/);
  });
});

it("knows what only this machine reaches", () => {
  for (const address of ["127.0.0.1", "127.9.9.9", "::1", "localhost"]) expect(isLoopback(address), address).toBe(true);
  for (const address of ["0.0.0.0", "::", "10.0.0.1", "example.org", "127.0.0.1.example.org"])
    expect(isLoopback(address), address).toBe(false);
});
