import fc from "fast-check";
import { it } from "vitest";
import { runWalSchedule } from "./wal-schedule.ts";

it("keeps what it acknowledged through any crash, and nothing that was never appended", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 0x7fffffff }), runWalSchedule), { numRuns: 200 });
});
