/** What leaves the runner: words under `rules`, and the gold acts of the current turn besides under `oracle`; never another label. */
import type { SubmitRequest, TaskView, TriadClient } from "@triad/client";
import { describe, expect, it } from "vitest";
import type { Dialogue } from "../data/dialogue.ts";
import { Drive } from "../runner/drive.ts";

const MARK = "GOLD";

/** Two turns whose every label carries the mark, and whose words do not. */
const dialogue: Dialogue = {
  id: "D1",
  turns: [0, 1].map((n) => ({
    user: `words of turn ${n}`,
    system: `answer ${n}`,
    gold: {
      userActs: [{ domain: "hotel" as const, intent: "inform", slot: "area", value: `${MARK}-user-${n}` }],
      systemActs: [{ domain: "hotel" as const, intent: "inform", slot: "name", value: `${MARK}-system-${n}` }],
      state: { "hotel.area": `${MARK}-state-${n}` },
    },
  })),
};

async function requestsUnder(nlu: "rules" | "oracle"): Promise<readonly SubmitRequest[]> {
  const requests: SubmitRequest[] = [];
  const client = {
    submit: async (request: SubmitRequest) => {
      requests.push(request);
      const ended: Partial<TaskView> = { status: "completed", steps: [] };
      return { id: `t${requests.length}`, ended: async () => ended };
    },
  } as unknown as TriadClient;
  const drive = new Drive({ client, nlu, concurrency: 1, onTurn: () => undefined, onDialogue: () => undefined });
  let given = false;
  await drive.run(() => {
    if (given) return undefined;
    given = true;
    return { dialogue, round: 0 };
  });
  return requests;
}

describe("the runner", () => {
  it("lets no gold field out under rules", async () => {
    const requests = await requestsUnder("rules");
    expect(requests.map((request) => request.input)).toEqual(["words of turn 0", "words of turn 1"]);
    expect(requests[1]?.observations).toEqual([{ by: "system", text: "answer 0" }]);
    expect(JSON.stringify(requests)).not.toContain(MARK);
    expect(Object.keys(requests[1] ?? {}).sort()).toEqual(["conversation", "idempotencyKey", "input", "observations"]);
  });

  it("sends the gold acts of the current turn, and no other label, under oracle", async () => {
    const texts = (await requestsUnder("oracle")).map((request) => JSON.stringify(request));
    for (const [n, text] of texts.entries()) {
      expect(text.match(new RegExp(`${MARK}-[a-z]+-\\d`, "g"))).toEqual([`${MARK}-user-${n}`]);
    }
  });
});
