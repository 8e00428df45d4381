/** The foreground of `up`: a status line that stays true, until the cluster ends or the user asks for its end. */
import type { ClusterView } from "@triad/client";
import { isAlive } from "../processes/process-identity.ts";
import { readState } from "../supervisor/state-file.ts";
import type { ClusterFiles } from "./cluster-files.ts";
import type { ClusterPlan } from "./plan.ts";
import { clusterView } from "./readiness.ts";

const LINE_EVERY_MS = 1_000;

/** `down`: somebody else ended it in order. `lost`: its supervisor died. */
export type FollowEnd = "interrupted" | "down" | "lost";

export async function followCluster(
  plan: ClusterPlan,
  files: ClusterFiles,
  options: { readonly token: string | undefined; readonly signal: AbortSignal },
): Promise<FollowEnd> {
  const show = statusLine();
  try {
    for (;;) {
      if (options.signal.aborted) return "interrupted";
      const state = readState(files.stateFile);
      if (state === undefined) return "down";
      if (!isAlive(state.supervisor)) return state.stopping ? "down" : "lost";
      show.set(describe(plan, await firstView(plan, options.token)));
      await pauseOrAbort(LINE_EVERY_MS, options.signal);
    }
  } finally {
    show.clear();
  }
}

async function firstView(plan: ClusterPlan, token: string | undefined): Promise<ClusterView | undefined> {
  for (const { http } of plan.identity.coordinators) {
    const view = await clusterView(http, token);
    if (view !== undefined) return view;
  }
  return undefined;
}

function describe(plan: ClusterPlan, view: ClusterView | undefined): string {
  if (view === undefined) return "no coordinator answers";
  const up = view.workers.filter(({ state }) => state === "up").length;
  const { running, completed, failed } = view.tasks;
  return `leader ${view.leader || "none"} · term ${view.term} · coordinators ${view.coordinators.length}/${plan.identity.coordinators.length} · workers ${up} · tasks ${running} running, ${completed} completed, ${failed} failed`;
}

/** One line that is written over on a terminal; in a pipe there is nobody to watch it. */
function statusLine(): { set(line: string): void; clear(): void } {
  if (!process.stderr.isTTY) return { set: () => undefined, clear: () => undefined };
  return {
    set: (line) => process.stderr.write(`\r\x1b[K${line.slice(0, Math.max(20, (process.stderr.columns || 80) - 1))}`),
    clear: () => process.stderr.write("\r\x1b[K"),
  };
}

function pauseOrAbort(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
  });
}
