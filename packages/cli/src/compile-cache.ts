/** Where compiled sources are kept between runs: under the nearest node_modules. Never a folder that can't be made (node would warn). */
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder, made; undefined where there is no writable node_modules above this file. */
export function compileCacheFolder(): string | undefined {
  for (let at = import.meta.dirname; at !== dirname(at); at = dirname(at)) {
    const modules = join(at, "node_modules");
    // The package's own node_modules holds links only; the cache belongs to the one at the top of the checkout.
    if (!existsSync(join(modules, "@triad", "cli")) && !at.endsWith("node_modules")) continue;
    const folder = join(at.endsWith("node_modules") ? at : modules, ".cache", "triad-compile");
    try {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
      return folder;
    } catch {
      return undefined; // read-only checkout: slower, nothing else
    }
  }
  return undefined;
}

/** This package's entry as a file, for starting further processes of it. */
export const ENTRY_FILE: string = join(import.meta.dirname, import.meta.filename.endsWith(".ts") ? "main.ts" : "main.js");
