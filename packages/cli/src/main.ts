#!/usr/bin/env node
/**
 * Entry of the `triad` command. Turns on the compile cache before anything else is loaded: type stripping is most of the start-up time.
 */
import { enableCompileCache } from "node:module";
import { compileCacheFolder } from "./compile-cache.ts";

const folder = process.env.NODE_COMPILE_CACHE === undefined ? compileCacheFolder() : undefined;
if (folder !== undefined) enableCompileCache(folder);

// A reader that has seen enough (`triad … | head`) closes the pipe: that is no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

const { runCli } = await import("./program.ts");
const code = await runCli(process.argv.slice(2));
// Ends although a connection may still be kept open, once all that was written has left.
process.stdout.write("", () => process.exit(code));
