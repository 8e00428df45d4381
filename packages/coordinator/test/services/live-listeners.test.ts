/** Listeners to a task's live events share one subscription, and the last to leave ends it. */
import type { NatsConnection } from "@nats-io/transport-node";
import { encodeMessage, type LiveEvent, subjectsOf } from "@triad/protocol";
import { expect, it } from "vitest";
import { NatsMessenger } from "../../src/adapters/nats/messenger.ts";

const event: LiveEvent = {
  ...{ kind: "live", task: "t", fence: 256, step: 1, member: 0, attempt: 1, start: 1 },
  ...{ n: 0, event: "delta", agent: "alice", worker: "w1", text: "hello" },
};

it("ends the subscription with the last listener, in whatever order they leave", () => {
  const open = new Set<(error: Error | null, message: { readonly data: Uint8Array; readonly subject: string }) => void>();
  const connection = {
    subscribe: (_subject: string, { callback }: { callback: Parameters<typeof open.add>[0] }) => {
      open.add(callback);
      return { unsubscribe: () => open.delete(callback) };
    },
  } as unknown as NatsConnection;
  const link = { connection, connected: true, close: () => Promise.resolve() };
  const messenger = new NatsMessenger({ link, subjects: subjectsOf("c"), self: "c1", dropped: () => undefined });
  const heard: string[] = [];
  const first = messenger.onLiveEvents("t", () => heard.push("first"));
  const second = messenger.onLiveEvents("t", () => heard.push("second"));
  const deliver = (): void => {
    for (const callback of open) callback(null, { data: encodeMessage(event), subject: subjectsOf("c").taskEvents("t") });
  };
  expect(open.size).toBe(1);
  deliver();
  first();
  deliver();
  expect(heard).toEqual(["first", "second", "second"]);
  second();
  expect(open.size).toBe(0);
  const again = messenger.onLiveEvents("t", () => heard.push("again"));
  deliver();
  again();
  again();
  expect([heard.at(-1), open.size]).toEqual(["again", 0]);
});
