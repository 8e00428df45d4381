/**
 * A mutant: one small, wrong change of real source. A suite that lets it live does not test what it claims to.
 * Applied to the text as it is loaded, in a process of its own, so the files on disk never change.
 */

export interface Mutant {
  readonly name: string;
  /** Path of the source below the repository's root. */
  readonly file: string;
  /** Must occur exactly once in the file: a mutant that no longer fits must fail loudly, not pass as killed. */
  readonly find: string;
  readonly replace: string;
}

export type MutationOutcome = { readonly ok: true; readonly source: string } | { readonly ok: false; readonly reason: string };

export function mutate(source: string, mutant: Mutant): MutationOutcome {
  const first = source.indexOf(mutant.find);
  if (first < 0) return { ok: false, reason: `"${mutant.find}" does not occur in ${mutant.file}` };
  if (source.indexOf(mutant.find, first + 1) >= 0) return { ok: false, reason: `"${mutant.find}" occurs more than once in ${mutant.file}` };
  if (mutant.find === mutant.replace) return { ok: false, reason: "the replacement changes nothing" };
  return { ok: true, source: source.slice(0, first) + mutant.replace + source.slice(first + mutant.find.length) };
}

/** Exit codes of a process that runs a suite over a mutant; anything else means that the run itself is broken. */
export const EXIT_SURVIVED = 0;
export const EXIT_KILLED = 3;
export const EXIT_NOT_APPLIED = 4;
