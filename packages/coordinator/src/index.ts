/** What others may use of a coordinator: starting one as a process. Reading its log offline has a door of its own, `./log-reader`. */
export type { CoordinatorOptions, CoordinatorPeer } from "./config.ts";
export { runCoordinatorProcess } from "./main.ts";
