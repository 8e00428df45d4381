/** `triad status`: the cluster as a coordinator sees it. */
import { type ClusterFlags, connectCluster } from "../connect.ts";
import { EXIT } from "../exit-code.ts";
import { data, json, styled, table } from "../output.ts";

export async function runStatus(flags: ClusterFlags & { readonly json?: boolean }): Promise<number> {
  const client = await connectCluster(flags);
  const view = await client.cluster();
  if (flags.json === true) {
    json(view);
    return EXIT.done;
  }
  const { running, completed, failed } = view.tasks;
  data(`${styled("bold", view.cluster)}  term ${view.term}  leader ${view.leader || styled("red", "none")}`);
  data(`tasks: ${running} running, ${completed} completed, ${failed} failed\n`);
  data(
    table(
      ["COORDINATOR", "ROLE", "TERM", "COMMIT", "APPLIED", "PID", "HTTP"],
      view.coordinators.map((c) => [
        c.id,
        c.role === "leader" ? styled("green", c.role) : c.role,
        c.term,
        c.commitIndex,
        c.appliedIndex,
        c.pid ?? "—",
        c.http,
      ]),
    ),
  );
  if (view.workers.length === 0) data(`\nno worker has registered`);
  else {
    const colour = { up: "green", draining: "yellow", down: "red" } as const;
    const rows = view.workers.map((w) => [
      w.id,
      styled(colour[w.state], w.state),
      w.threads,
      typeof w.agents === "number" ? w.agents : w.agents.length,
      w.inFlight,
      w.pid,
    ]);
    data(`\n${table(["WORKER", "STATE", "THREADS", "AGENTS", "IN FLIGHT", "PID"], rows)}`);
  }
  return EXIT.done;
}
