/**
 * The properties of Raft over seeded schedules of real drivers and real logs. A failing seed is printed; `TRIAD_SIM_SEED=<seed>` runs it
 * alone. `TRIAD_SIM_SCHEDULES` sets how many are run, `TRIAD_SIM_FIRST_SEED` where they begin.
 */
import { describe, expect, it } from "vitest";
import { DIRECTED_SCENARIOS } from "./directed-scenarios.ts";
import { runSchedule, type ScheduleReport } from "./run-schedule.ts";

const BLOCK = 100;
const TIMEOUT_MS = 300_000;

function numberFrom(variable: string, otherwise: number): number {
  const text = process.env[variable];
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${variable} must be a positive integer`);
  return value;
}

const singleSeed = process.env.TRIAD_SIM_SEED === undefined ? undefined : numberFrom("TRIAD_SIM_SEED", 1);
const schedules = singleSeed === undefined ? numberFrom("TRIAD_SIM_SCHEDULES", 1000) : 1;
const firstSeed = singleSeed ?? numberFrom("TRIAD_SIM_FIRST_SEED", 1);

async function run(seed: number): Promise<ScheduleReport> {
  try {
    return await runSchedule(seed);
  } catch (error) {
    const replay = `TRIAD_SIM_SEED=${seed} vitest run packages/coordinator/test/simulation/simulation.test.ts`;
    throw new Error(`seed ${seed} breaks a property; replay it with: ${replay}`, { cause: error });
  }
}

describe("safety and liveness hold in every schedule", () => {
  for (let block = 0; block < schedules; block += BLOCK) {
    const first = firstSeed + block;
    const count = Math.min(BLOCK, schedules - block);
    it(
      `seeds ${first} to ${first + count - 1}`,
      async () => {
        const reports: ScheduleReport[] = [];
        for (let seed = first; seed < first + count; seed++) reports.push(await run(seed));
        const sum = (pick: (report: ScheduleReport) => number): number => reports.reduce((total, report) => total + pick(report), 0);
        if (count < BLOCK) return;
        // A simulation in which nothing happens would hold every property.
        expect(sum(({ elections }) => elections)).toBeGreaterThan(2 * count);
        expect(sum(({ acknowledged }) => acknowledged)).toBeGreaterThan(20 * count);
        expect(sum(({ restarts }) => restarts)).toBeGreaterThan(5 * count);
      },
      TIMEOUT_MS,
    );
  }

  it("runs every seed the same way twice", async () => {
    for (let seed = firstSeed; seed < firstSeed + 10; seed++) expect(await run(seed)).toEqual(await run(seed));
  });
});

describe("directed scenarios", () => {
  for (const [name, scenario] of Object.entries(DIRECTED_SCENARIOS)) it(name, scenario);
});
