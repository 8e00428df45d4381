/**
 * The published form: every public package is packed by pnpm from its `dist/`, installed by npm into a user's own project outside the
 * checkout, and used there. Catches what a checkout hides: a dependency that is not declared, a file that is not packed, an export that
 * leads nowhere.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Counts, type Part, runCommand } from "./part.ts";

interface PackageManifest {
  readonly name: string;
  readonly private?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
}

/** A team of one agent: what a user's first file imports. */
const TEAM = `import { defineAgent, defineTeam } from "@triad/agent-worker";
const team = defineTeam({
  name: "outside",
  skills: ["greeting"],
  agents: [defineAgent({
    name: "greeter",
    prompt: { template: "Greet.\\n{{input:text:required}}", version: 1 },
    capabilities: { greeting: 0.9 },
    async step(turn) { return turn.finish({ output: "hello " + turn.input }); },
  })],
});
if (team === undefined) throw new Error("defineTeam gave nothing");
`;

function publicPackages(root: string): { readonly folder: string; readonly manifest: PackageManifest }[] {
  return readdirSync(join(root, "packages"))
    .map((name) => join(root, "packages", name))
    .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as PackageManifest }))
    .filter(({ manifest }) => manifest.private !== true);
}

/** Packs every package into `into`; false where one fails. */
async function pack(root: string, into: string): Promise<boolean> {
  const packages = publicPackages(root);
  if ((await runCommand("tsc", ["-b", ...packages.map(({ folder }) => folder)], root)) !== 0) return false;
  for (const { folder } of packages) {
    if ((await runCommand(join(root, "scripts", "pnpm"), ["pack", "--pack-destination", into], folder)) !== 0) return false;
  }
  return true;
}

/** The checks inside the user's project, each a command that must exit 0. */
async function useThem(root: string, project: string): Promise<Counts> {
  const checks: (readonly [string, readonly string[]])[] = [[process.execPath, ["team.mjs"]]];
  for (const { manifest } of publicPackages(root)) {
    checks.push([process.execPath, ["--input-type=module", "--eval", `await import(${JSON.stringify(manifest.name)})`]]);
    for (const command of Object.keys(manifest.bin ?? {})) checks.push([join(project, "node_modules", ".bin", command), ["--help"]]);
  }
  let failed = 0;
  for (const [command, args] of checks) {
    if ((await runCommand(command, args, project)) === 0) continue;
    failed++;
    process.stdout.write(`failed in a project outside the checkout: ${command} ${args.join(" ")}\n`);
  }
  return { passed: checks.length - failed, failed };
}

export const tarballs: Part = {
  name: "tarballs",
  does: "packs the packages, installs them in a project outside the checkout, and uses them there",
  async run(root) {
    const scratch = mkdtempSync(join(tmpdir(), "triad tarballs "));
    try {
      const project = join(scratch, "project");
      mkdirSync(project);
      if (!(await pack(root, scratch))) return { passed: 0, failed: 1 };
      const archives = readdirSync(scratch).filter((name) => name.endsWith(".tgz"));
      writeFileSync(join(project, "package.json"), JSON.stringify({ name: "outside", private: true, type: "module" }));
      writeFileSync(join(project, "team.mjs"), TEAM);
      const install = ["install", "--no-audit", "--no-fund", "--ignore-scripts", ...archives.map((name) => join(scratch, name))];
      if ((await runCommand("npm", install, project)) !== 0) return { passed: 0, failed: 1 };
      return await useThem(root, project);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  },
};
