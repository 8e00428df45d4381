import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";
import { type TaskEvent, TriadClient } from "../src/index.ts";
import { refuse, reply, scriptedCoordinator } from "./scripted-coordinator.ts";

const accepted = { task: "t-1", conversation: "c-1", status: "accepted", commitIndex: 7 };
const sse = (response: ServerResponse): ServerResponse => response.writeHead(200, { "content-type": "text/event-stream" });
const committed = (id: number, event: string): string => `id: ${id}\nevent: ${event}\ndata: {"n":${id}}\n\n`;
const delta = (text: string): string => `event: delta\ndata: ${JSON.stringify({ text })}\n\n`;

async function all(events: AsyncIterable<TaskEvent>): Promise<string[]> {
  const seen: string[] = [];
  for await (const { event, id } of events) seen.push(id === undefined ? event : `${id} ${event}`);
  return seen;
}

describe("events", () => {
  it("goes on after the last committed event at the next coordinator when a stream breaks off", async () => {
    await using first = await scriptedCoordinator((response, asked) => {
      if (asked.method === "POST") reply(response, 202, accepted);
      else sse(response).write(committed(1, "accepted") + committed(2, "routed") + delta("a"), () => response.destroy());
    });
    await using second = await scriptedCoordinator((response) => sse(response).end(committed(3, "step") + committed(4, "completed")));
    const client = await TriadClient.connect({ urls: [first.url, second.url] });
    const task = await client.submit({ input: "x" });
    expect(await all(task.events())).toEqual(["1 accepted", "2 routed", "delta", "3 step", "4 completed"]);
    expect(first.asked[1]?.headers["last-event-id"]).toBeUndefined();
    expect(first.asked[1]?.headers.accept).toBe("text/event-stream");
    expect(second.asked[0]?.headers["last-event-id"]).toBe("2");
  });

  it("leaves a stream that has fallen silent", async () => {
    await using silent = await scriptedCoordinator((response, asked) => {
      if (asked.method === "POST") reply(response, 202, accepted);
      else sse(response).write(committed(1, "accepted")); // and then nothing, as of a process that is stopped
    });
    await using second = await scriptedCoordinator((response) => sse(response).end(committed(2, "completed")));
    const task = await (await TriadClient.connect({ urls: [silent.url, second.url] })).submit({ input: "x" });
    expect(await all(task.events({ idleMs: 100 }))).toEqual(["1 accepted", "2 completed"]);
  });

  it("repeats a refusal that may be repeated, and starts where it is told to", async () => {
    await using coordinator = await scriptedCoordinator((response, asked, n) => {
      if (asked.method === "POST") reply(response, 202, accepted);
      else if (n === 1) refuse(response, 503, "TRIAD_NOT_READY", true);
      else sse(response).end(committed(9, "failed"));
    });
    const task = await (await TriadClient.connect({ url: coordinator.url })).submit({ input: "x" });
    expect(await all(task.events({ lastEventId: "8" }))).toEqual(["9 failed"]);
    expect(coordinator.asked[2]?.headers["last-event-id"]).toBe("8");
  });

  it("gives up on streams that end again and again without an event", async () => {
    await using coordinator = await scriptedCoordinator((response, asked) =>
      asked.method === "POST" ? reply(response, 202, accepted) : sse(response).end(),
    );
    const task = await (await TriadClient.connect({ url: coordinator.url })).submit({ input: "x" });
    await expect(all(task.events())).rejects.toMatchObject({ code: "TRIAD_CLUSTER_UNREACHABLE" });
  });

  it("closes the connection when its reader has seen enough, and when the signal says so", async () => {
    let open = 0;
    const closed: (() => void)[] = [];
    const isClosed = [0, 1].map(() => new Promise<void>((resolve) => closed.push(resolve)));
    await using coordinator = await scriptedCoordinator((response, asked) => {
      if (asked.method === "POST") reply(response, 202, accepted);
      else {
        const stream = open++;
        response.on("close", () => closed[stream]?.());
        sse(response).write(committed(1, "accepted"));
      }
    });
    const task = await (await TriadClient.connect({ url: coordinator.url })).submit({ input: "x" });
    for await (const event of task.events()) {
      expect(event).toEqual({ event: "accepted", id: "1", data: { n: 1 } });
      break;
    }
    await isClosed[0];
    const controller = new AbortController();
    const reading = (async () => {
      for await (const _ of task.events({ signal: controller.signal })) controller.abort(new Error("enough"));
    })();
    await expect(reading).rejects.toThrow("enough");
    await isClosed[1];
  });
});
