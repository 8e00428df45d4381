/** The command line as a library: `runCli(["status", "--json"])` answers the exit code. The parts that others build on are named here. */

export { ClusterFiles } from "./cluster/cluster-files.ts";
export { stopCluster } from "./cluster/stop-cluster.ts";
export { EXIT } from "./exit-code.ts";
export { runCli } from "./program.ts";
export { type ChildState, readState, type SupervisorState } from "./supervisor/state-file.ts";
