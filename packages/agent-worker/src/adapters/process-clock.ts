/** The clock of a process: monotonic, so that a step of the wall clock neither ends nor prolongs anything. */
import type { Clock } from "../services/ports.ts";

export const PROCESS_CLOCK: Clock = {
  nowMs: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
