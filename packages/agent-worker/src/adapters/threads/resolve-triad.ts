/**
 * Lets a team file anywhere on disk import `@triad/*`: what Node does not find from the file itself is resolved as if this file had asked.
 * Hooks hold for one thread, so the entry of each thread imports this file first, before any team.
 */
import { registerHooks } from "node:module";

registerHooks({
  resolve(specifier, context, next) {
    if (!specifier.startsWith("@triad/")) return next(specifier, context);
    try {
      return next(specifier, context);
    } catch (error) {
      // A checkout or a global install: this package's own neighbours are the ones that run.
      if (specifier === "@triad/agent-worker") return { url: ownIndex(), shortCircuit: true };
      try {
        return next(specifier, { ...context, parentURL: import.meta.url });
      } catch {
        throw error;
      }
    }
  },
});

/** The package's own entry, as source in a checkout and as JavaScript in an installed one. */
function ownIndex(): string {
  const suffix = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`../../index.${suffix}`, import.meta.url).href;
}
