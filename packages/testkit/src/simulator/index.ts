/** Deterministic simulation: time, disk, network and randomness of a cluster, all from one seed. Knows nothing of what runs on it. */
export { EventQueue, VirtualProcess } from "./event-queue.ts";
export { SeededRandom } from "./seeded-random.ts";
export { TraceHash } from "./trace-hash.ts";
export { VirtualClock } from "./virtual-clock.ts";
export { VirtualDisk, type VirtualDiskOptions, type VirtualFile } from "./virtual-disk.ts";
export { type NetworkFaults, NO_NETWORK_FAULTS, type VirtualBus, VirtualNetwork } from "./virtual-network.ts";
