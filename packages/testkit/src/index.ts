/** What tests may use of the kit. Nothing in a src/ imports it. */
export { type Answer, type AskOptions, ask, askOnce, errorOf, isRepeatable } from "./ask.ts";
export { type ClusterInfo, type ClusterOptions, type ClusterView, type TaskView, TestCluster } from "./cluster.ts";
export { type EventuallyOptions, eventually, Hopeless } from "./eventually.ts";
export { freePorts } from "./free-ports.ts";
export * from "./mutants/index.ts";
export { NatsServer, type NatsServerOptions } from "./nats-server.ts";
export { commandOf, isAlive, MARK_VARIABLE, marked, markedEnvironment, strike } from "./processes.ts";
export { type CliResult, type RunCliOptions, runCli } from "./run-cli.ts";
export * from "./simulator/index.ts";
