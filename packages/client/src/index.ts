/**
 * The SDK of a Triad cluster.
 *
 *     const client = await TriadClient.connect({ url: "http://127.0.0.1:7070" });
 *     const task = await client.submit({ input: "a cheap hotel in the north" });
 *     for await (const event of task.events()) console.log(event.event);
 *     const { output } = await task.result();
 */
export { type ErrorCode, TriadError } from "@triad/protocol/words";
export { type CallOptions, type ConnectOptions, TriadClient } from "./client.ts";
export { TaskFailedError } from "./errors.ts";
export type { EventStreamOptions } from "./event-stream.ts";
export { Task, type WaitOptions } from "./task.ts";
export type { Fetch } from "./transport.ts";
export type * from "./types.ts";
