/** Mutation of real source, to show that a suite kills what it claims to test. */
export { EXIT_KILLED, EXIT_NOT_APPLIED, EXIT_SURVIVED, type Mutant, type MutationOutcome, mutate } from "./mutant.ts";
export { type MutantRun, type MutantVerdict, REPOSITORY_ROOT, runMutant, runMutants } from "./run-mutant.ts";
