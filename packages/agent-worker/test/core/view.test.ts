/** The view builder: facts before text, budgets kept, nothing left out in silence, the order of the pre-study. */
import { TriadError } from "@triad/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildView, countTokens, parseTemplate, renderPrompt, type ViewEvent, type ViewFact, type ViewInput } from "../../src/index.ts";

const fact = (name: string, value: ViewFact["value"], setBy = 0): ViewFact => ({ name, value, setBy });
const said = (seq: number, text: string, facts: ViewEvent["facts"] = {}): ViewEvent => ({ seq, by: "agent", text, facts });
const inputOf = (more: Partial<ViewInput>): ViewInput => ({
  facts: [],
  events: [],
  eventsElsewhere: 0,
  query: "",
  factTokens: 512,
  textTokens: 128,
  ...more,
});

const word = fc.constantFrom("north", "south", "cheap", "hotel", "train", "tuesday", "four", "people", "acorn", "wifi", "ely", "dear");
const sentence = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => words.join(" "));
const anyFacts = fc.uniqueArray(
  fc.tuple(fc.string({ minLength: 1, maxLength: 20 }), fc.oneof(sentence, fc.integer(), fc.boolean()), fc.nat(50)),
  {
    selector: ([name]) => name,
    maxLength: 60,
  },
);
const anyEvents = fc.array(sentence, { maxLength: 40 }).map((texts) => texts.map((text, i) => said(i + 1, text)));

describe("facts", () => {
  test("all of them while they fit", () => {
    const view = buildView(inputOf({ facts: [fact("area", "north"), fact("people", 4)] }));
    expect(view.facts).toBe('{"area":"north","people":4}');
    expect(view.report).toMatchObject({ factsShown: 2, factsLeftOut: 0 });
  });

  test("beyond the budget the newest are kept, the rest counted and named", () => {
    const facts = Array.from({ length: 40 }, (_, i) => fact(`fact-${i}`, `value number ${i} of the conversation`, i));
    const view = buildView(inputOf({ facts, factTokens: 200 }));
    expect(view.report.factsLeftOut).toBeGreaterThan(0);
    const [object = "", note = ""] = view.facts.split("\n");
    const shown = Object.keys(JSON.parse(object) as object);
    expect(shown.at(-1)).toBe("fact-39");
    expect(shown.length).toBe(view.report.factsShown);
    expect(note).toContain(`(${view.report.factsLeftOut} more facts not shown: fact-`);
    expect(view.factsLeftOut).not.toContain("fact-39");
  });

  test("shown and left out are all, once each, within the budget; the object stays JSON", () => {
    fc.assert(
      fc.property(anyFacts, fc.integer({ min: 60, max: 600 }), (list, factTokens) => {
        const facts = list.map(([name, value, setBy]) => fact(name, value, setBy));
        const view = buildView(inputOf({ facts, factTokens }));
        const shown = Object.keys(JSON.parse(view.facts.split("\n(")[0] ?? "") as object);
        expect([...shown, ...view.factsLeftOut].sort()).toEqual(facts.map(({ name }) => name).sort());
        expect(countTokens(view.facts)).toBeLessThanOrEqual(factTokens);
        expect(view.report.factTokens).toBe(countTokens(view.facts));
      }),
    );
  });

  test("no length of talk takes a fact away", () => {
    fc.assert(
      fc.property(anyFacts, anyEvents, (list, events) => {
        const facts = list.map(([name, value, setBy]) => fact(name, value, setBy));
        expect(buildView(inputOf({ facts, events })).facts).toBe(buildView(inputOf({ facts })).facts);
      }),
    );
  });
});

describe("text", () => {
  test("first what covers the most facts a token, then what answers the query, in the order of the conversation", () => {
    const facts = [fact("area", "north"), fact("price", "cheap"), fact("day", "tuesday")];
    const events = [
      said(1, "we talked about the weather and many other things for quite a while"),
      said(2, "cheap and north"),
      said(3, "north, I said, and that was really all that I said about it"),
      said(4, "on tuesday"),
      said(5, "parking is free"),
      said(6, "goodbye for now and thank you for everything"),
    ];
    const view = buildView(inputOf({ facts, events, query: "is there parking", textTokens: 17 }));
    expect(view.transcript).toBe("agent: cheap and north\nagent: on tuesday\nagent: parking is free");
    expect(view.report).toMatchObject({ eventsShown: 3, eventsLeftOut: 3 });
  });

  test("an event that set a fact covers it though its text does not say it", () => {
    const facts = [fact("booked", true), fact("area", "north")];
    const events = [said(1, "done", { booked: true }), said(2, "nothing in particular was done"), said(3, "done", { booked: false })];
    expect(buildView(inputOf({ facts, events, textTokens: 6 })).transcript).toBe("agent: done");
    expect(buildView(inputOf({ facts, events: events.slice(1), textTokens: 5 })).report.eventsShown).toBe(1);
  });

  test("of two that cover the same, the newer", () => {
    const events = [said(1, "north side"), said(2, "north part")];
    expect(buildView(inputOf({ facts: [fact("area", "north")], events, textTokens: 5 })).transcript).toBe("agent: north part");
  });

  test("the greedy choice is the one of a plain second version", () => {
    fc.assert(
      fc.property(anyEvents, fc.array(word, { maxLength: 6 }), fc.integer({ min: 0, max: 80 }), (events, values, textTokens) => {
        const facts = values.map((value, i) => fact(`f${i}`, value));
        const view = buildView(inputOf({ facts, events, textTokens }));
        expect(view.transcript).toBe(plainCover(events, values, textTokens));
      }),
    );
  });

  test("never beyond the budget; shown and left out add up", () => {
    fc.assert(
      fc.property(anyFacts, anyEvents, sentence, fc.nat(200), fc.nat(1000), (list, events, query, textTokens, eventsElsewhere) => {
        const facts = list.map(([name, value, setBy]) => fact(name, value, setBy));
        const { report, transcript } = buildView(inputOf({ facts, events, query, textTokens, eventsElsewhere }));
        expect(countTokens(transcript)).toBeLessThanOrEqual(textTokens);
        expect(report.eventsShown + report.eventsLeftOut).toBe(events.length + eventsElsewhere);
      }),
    );
  });
});

/** Cover as theory.md 6.1 has it, then the newest while they fit (the query is empty, so all scores are 0). */
function plainCover(events: readonly ViewEvent[], values: readonly string[], budget: number): string {
  const left = new Set(events);
  const covered = new Set<number>();
  const shown: ViewEvent[] = [];
  let room = budget;
  const cost = (event: ViewEvent): number => countTokens(`agent: ${event.text}\n`);
  const fresh = (event: ViewEvent): number[] =>
    values.flatMap((value, i) => (!covered.has(i) && event.text.split(" ").includes(value) ? [i] : []));
  for (;;) {
    const fitting = [...left].filter((event) => cost(event) <= room && fresh(event).length > 0);
    const gain = (event: ViewEvent): number => fresh(event).length / cost(event) - 1e-5 * (events.length - event.seq);
    const best = fitting.reduce<ViewEvent | undefined>((a, b) => (a === undefined || gain(b) > gain(a) ? b : a), undefined);
    if (best === undefined) break;
    for (const i of fresh(best)) covered.add(i);
    shown.push(best);
    left.delete(best);
    room -= cost(best);
  }
  for (const event of [...left].reverse()) {
    if (cost(event) > room) continue;
    shown.push(event);
    room -= cost(event);
  }
  return shown
    .sort((a, b) => a.seq - b.seq)
    .map((event) => `agent: ${event.text}`)
    .join("\n");
}

describe("the prompt", () => {
  const view = buildView(inputOf({ facts: [fact("area", "north")], events: [said(1, "hello")] }));
  const prompt = (text: string, values = {}, tokensMax = 1_000, from = view) => renderPrompt(parseTemplate(text), from, values, tokensMax);
  const codeOf = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      if (error instanceof TriadError) return error.code;
    }
    return "none";
  };

  test("slots of the view and of the step", () => {
    expect(prompt("{{facts:json}} {{transcript:text}} {{input:text:required}}", { input: "go" }).text).toBe(
      '{"area":"north"} agent: hello go',
    );
  });

  test("a value of the step's own goes before the view's", () => {
    expect(prompt("{{facts:json}}", { facts: { only: 1 } }).text).toBe('{"only":1}');
  });

  test("what the template does not show is reported as left out", () => {
    expect(prompt("{{transcript:text}}").report).toMatchObject({ factsShown: 0, factsLeftOut: 1, eventsShown: 1, eventsLeftOut: 0 });
  });

  test("a required slot that does not fit is TRIAD_VIEW_BUDGET; an optional one is cut and says so", () => {
    const long = "word ".repeat(200);
    expect(codeOf(() => prompt("{{input:text:required}}", { input: long }, 50))).toBe("TRIAD_VIEW_BUDGET");
    const cut = prompt("{{input:text}}", { input: long }, 50).text;
    expect(cut).toMatch(/^word .* tokens left out\]$/);
    expect(countTokens(cut)).toBeLessThanOrEqual(50);
  });

  test("required facts that are left out are TRIAD_VIEW_BUDGET, optional ones are not", () => {
    const facts = Array.from({ length: 50 }, (_, i) => fact(`f${i}`, `a value of some length ${i}`, i));
    const short = buildView(inputOf({ facts, factTokens: 100 }));
    expect(codeOf(() => prompt("{{facts:json:required}}", {}, 1_000, short))).toBe("TRIAD_VIEW_BUDGET");
    expect(prompt("{{facts:json}}", {}, 1_000, short).report.factsLeftOut).toBeGreaterThan(0);
  });
});
