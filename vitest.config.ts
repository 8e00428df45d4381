import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts", "teams/*/test/**/*.test.ts", "test/**/*.test.ts"],
    // Integration tests start real processes: more workers than this starve two cores, and elections time out for no fault of the code.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
