/** Reads a task's event stream over HTTP as a plain program would, without the SDK. */

export interface TaskEvent {
  readonly event: string;
  /** Only committed events have one. */
  readonly id?: number;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface ReadOptions {
  readonly lastEventId?: number;
  /** Stop here, though the stream goes on. */
  readonly until?: (events: readonly TaskEvent[]) => boolean;
  readonly withinMs?: number;
}

/** The events to the end of the stream, or until `until` says so; throws where neither comes in time. */
export async function readEvents(url: string, task: string, options: ReadOptions = {}): Promise<readonly TaskEvent[]> {
  const { lastEventId, until = () => false, withinMs = 30_000 } = options;
  const controller = new AbortController();
  const late = setTimeout(() => controller.abort(new Error(`the events of ${task} did not end within ${withinMs} ms`)), withinMs);
  const events: TaskEvent[] = [];
  try {
    const response = await fetch(`${url}/v1/tasks/${task}/events`, {
      signal: controller.signal,
      headers: lastEventId === undefined ? {} : { "last-event-id": String(lastEventId) },
    });
    if (response.status !== 200 || response.body === null) throw new Error(`events answered ${response.status}: ${await response.text()}`);
    let rest = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = parse(block);
        if (event === undefined) continue;
        events.push(event);
        if (until(events)) return events;
      }
    }
    return events;
  } finally {
    clearTimeout(late);
    controller.abort();
  }
}

function parse(block: string): TaskEvent | undefined {
  const field = (name: string): string | undefined =>
    block
      .split("\n")
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  const event = field("event");
  if (event === undefined) return undefined;
  const id = field("id");
  const data = JSON.parse(field("data") ?? "{}") as TaskEvent["data"];
  return id === undefined ? { event, data } : { event, id: Number(id), data };
}
