import { defineConfig } from "vitest/config";

const ALL = ["packages/*/test/**/*.test.ts", "teams/*/test/**/*.test.ts", "test/**/*.test.ts"];

/**
 * Tests that start whole clusters or workers: six processes each. One such file at a time, after all others: beside a second one, elections
 * time out for no fault of the code. A new file of this kind goes into a folder `integration`, or into this list.
 */
const PROCESSES = ["**/test/cluster.test.ts", "packages/agent-worker/test/worker.test.ts", "**/test/integration/**/*.test.ts"];

const timeouts = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    projects: [
      { test: { ...timeouts, name: "cores", include: ALL, exclude: PROCESSES, maxWorkers: 2, sequence: { groupOrder: 0 } } },
      {
        test: {
          ...timeouts,
          name: "processes",
          include: PROCESSES,
          exclude: ["**/node_modules/**"],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
