/** What the documents point to exists, the decisions are complete, and the files for operators are what their servers accept. */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const pages = ["README.md", ...globSync("docs/**/*.md", { cwd: root })].filter((page) => existsSync(join(root, page)));
const decisions = globSync("docs/decisions/[0-9]*.md", { cwd: root }).sort();

/** Targets of links into the checkout: `[…](../x.ts#part)` without its part. */
function linksOf(page: string): readonly string[] {
  const text = readFileSync(join(root, page), "utf8").replace(/```[\s\S]*?```/g, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? "").filter((target) => !/^(?:https?:|#)/.test(target));
}

describe("links", () => {
  it.each(pages)("of %s lead to files that exist", (page) => {
    const missing = linksOf(page).filter((target) => !existsSync(join(root, dirname(page), target.replace(/#.*/, ""))));
    expect(missing).toEqual([]);
  });
});

describe("decisions", () => {
  it("are numbered without a gap and listed in their index", () => {
    expect(decisions.map((file) => Number(/(\d{4})-/.exec(file)?.[1]))).toEqual(decisions.map((_, i) => i + 1));
    const index = linksOf("docs/decisions/README.md");
    expect([...index].sort()).toEqual(decisions.map((file) => file.replace("docs/decisions/", "")));
  });

  it.each(decisions)("%s says context, decision, what was measured or tried, what speaks against it, and what follows", (file) => {
    const text = readFileSync(join(root, file), "utf8");
    for (const part of [
      /\*\*Context\.\*\*/,
      /\*\*Decision\.\*\*/,
      /\*\*(?:Measured|Tried)\b/,
      /\*\*Against it\.\*\*/,
      /\*\*Consequences\.\*\*/,
    ]) {
      expect(text).toMatch(part);
    }
  });
});

describe("deploy", () => {
  it("has a configuration that nats-server accepts, on loopback", () => {
    const file = join(root, "deploy/nats/triad.conf");
    const env = { ...process.env, PATH: [process.env["PATH"], "/usr/sbin", "/usr/local/bin"].join(delimiter) };
    const check = spawnSync("nats-server", ["-t", "-c", file], { encoding: "utf8", env });
    expect(check.stderr).toContain("is valid");
    for (const [, address] of readFileSync(file, "utf8").matchAll(/^(?:listen|http): "([^"]+)"/gm))
      expect(address).toMatch(/^127\.0\.0\.1:/);
  });
});
