/** A step by a model: what it says becomes facts and a reply, and what it should not say becomes a typed error, never a fact. */
import type { Turn } from "@triad/agent-worker";
import { describe, expect, it } from "vitest";
import { replyByModel } from "../model-reply.ts";

const turnThatSays = (text: string): Turn =>
  ({ generate: async () => ({ text, tokensIn: 1, tokensOut: 1, costUsd: 0 }) }) as unknown as Turn;

describe("replyByModel", () => {
  it("takes slots of its desk and the reply, whatever words stand around the JSON", async () => {
    const text = 'Sure! {"slots": {"area": "North", "people": "2"}, "reply": "Noted."} Anything else?';
    expect(await replyByModel("hotel", turnThatSays(text), "prompt")).toEqual({
      output: "Noted.",
      facts: { "hotel.area": "north", "hotel.people": "2" },
    });
  });

  it("drops slots that are none, and refuses an answer without a reply", async () => {
    const odd = '{"slots": {"__proto__x": "y", "area": 7, "day": ""}, "reply": "ok"}';
    expect(await replyByModel("hotel", turnThatSays(odd), "prompt")).toEqual({ output: "ok", facts: {} });
    for (const text of ["no JSON at all", '{"slots": {}}', "[1]", '{"reply": 7}']) {
      await expect(replyByModel("hotel", turnThatSays(text), "prompt")).rejects.toMatchObject({ code: "TRIAD_MODEL_FAILED" });
    }
  });
});
