/**
 * Settings of a command from their four layers: flags > environment > triad.config.ts > defaults. Every problem of every layer is found
 * before anything is refused, and the result is frozen. Knows no command: each brings its own table of settings.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { TriadError } from "@triad/protocol/words";
import { messageOf } from "./exit-code.ts";
import type { Parsed } from "./values.ts";

export interface Setting<T, F = T> {
  /** As the user writes it, for messages: `--workers`. */
  readonly flag: string;
  readonly env: string;
  /** Name in the config file's object. */
  readonly key: string;
  readonly fallback: F;
  readonly parse: (word: string) => Parsed<T>;
}

type Settings = Readonly<Record<string, Setting<unknown, unknown>>>;
type Values<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T, infer F> ? T | F : never };

export interface Layers {
  /** By the names of the table; absent where the user gave none. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The config file's object; empty where there is none. */
  readonly file: Readonly<Record<string, unknown>>;
}

export function resolveSettings<S extends Settings>(settings: S, layers: Layers): Values<S> {
  const problems: string[] = [];
  let flagsAlone = true;
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings)) {
    const found = layerOf(name, setting, layers);
    if (found === undefined) {
      values[name] = setting.fallback;
      continue;
    }
    const parsed = setting.parse(found.word);
    if (parsed.ok) values[name] = parsed.value;
    else {
      problems.push(`${found.where} ${parsed.problem}`);
      flagsAlone &&= found.where === setting.flag;
    }
  }
  if (problems.length > 0) throw new TriadError(flagsAlone ? "TRIAD_USAGE" : "TRIAD_CONFIG_INVALID", problems.join("; "), { problems });
  return Object.freeze(values) as Values<S>;
}

function layerOf(name: string, setting: Setting<unknown, unknown>, layers: Layers): { word: string; where: string } | undefined {
  const flag = layers.flags[name];
  if (flag !== undefined) return { word: String(flag), where: setting.flag };
  const env = layers.env[setting.env];
  if (env !== undefined && env !== "") return { word: env, where: setting.env };
  const file = layers.file[setting.key];
  if (file !== undefined)
    return { word: typeof file === "object" ? JSON.stringify(file) : String(file), where: `${CONFIG_FILE}: ${setting.key}` };
  return undefined;
}

export const CONFIG_FILE = "triad.config.ts";
/** What a config file may say, over all commands. */
const CONFIG_KEYS: ReadonlySet<string> = new Set([
  "team",
  "host",
  "coordinators",
  "workers",
  "threads",
  "http",
  "dataDir",
  "nats",
  "url",
  "logLevel",
  "retention",
  "keyTtl",
]);

/** The default export of triad.config.ts in `folder`; empty where there is none. The file is the operator's own code, and runs. */
export async function readConfigFile(folder: string): Promise<Readonly<Record<string, unknown>>> {
  const file = resolve(folder, CONFIG_FILE);
  if (!existsSync(file)) return {};
  let loaded: { default?: unknown };
  try {
    loaded = (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (cause) {
    throw new TriadError("TRIAD_CONFIG_INVALID", `${CONFIG_FILE} can't be loaded: ${messageOf(cause)}`, undefined, { cause });
  }
  const config = loaded.default;
  if (typeof config !== "object" || config === null || Array.isArray(config))
    throw new TriadError("TRIAD_CONFIG_INVALID", `${CONFIG_FILE} must export an object by default`);
  const unknown = Object.keys(config).filter((key) => !CONFIG_KEYS.has(key));
  if (unknown.length > 0)
    throw new TriadError(
      "TRIAD_CONFIG_INVALID",
      `${CONFIG_FILE} has settings that nobody knows: ${unknown.join(", ")} (known: ${[...CONFIG_KEYS].join(", ")})`,
    );
  return { ...config };
}

/** The bearer token: TRIAD_API_TOKEN, or the file that TRIAD_API_TOKEN_FILE names. Never a flag: command lines are public on a machine. */
export function apiToken(env: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  if (env.TRIAD_API_TOKEN) return env.TRIAD_API_TOKEN;
  const file = env.TRIAD_API_TOKEN_FILE;
  if (!file) return undefined;
  let token: string;
  try {
    token = readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new TriadError("TRIAD_CONFIG_INVALID", `TRIAD_API_TOKEN_FILE can't be read: ${messageOf(cause)}`, undefined, { cause });
  }
  if (token === "") throw new TriadError("TRIAD_CONFIG_INVALID", `TRIAD_API_TOKEN_FILE names an empty file`);
  return token;
}
