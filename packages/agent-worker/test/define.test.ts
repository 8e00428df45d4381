/** defineTeam: every mistake by name and at once; defaults; the manifest and its digest; prototypes. */
import { embedText, limits, ROUTING_DIM, TriadError } from "@triad/protocol";
import { describe, expect, test } from "vitest";
import { type AgentConfig, defineAgent, defineTeam, digestOf, manifestOf, type TeamConfig } from "../src/index.ts";
import { choosePrototypes } from "../src/prototypes.ts";

const agent = (more: Partial<AgentConfig> = {}): AgentConfig =>
  defineAgent({
    name: "hotels",
    prompt: { template: "{{input:text:required}}", version: 1 },
    capabilities: { hotels: 0.9 },
    step: (turn) => turn.finish(),
    ...more,
  });
const team = (more: Partial<TeamConfig> = {}): TeamConfig => ({
  name: "concierge",
  skills: ["hotels", "trains"],
  agents: [agent()],
  ...more,
});

function refusal(config: unknown): TriadError {
  try {
    defineTeam(config as TeamConfig);
  } catch (error) {
    if (error instanceof TriadError) return error;
    throw error;
  }
  throw new Error("the team was accepted");
}

describe("defineTeam", () => {
  test("fills in what is not said", () => {
    const defined = defineTeam(team({ agents: [agent({ retry: { attempts: 5 } })] }));
    expect(defined.negotiation).toEqual({ alpha: "auto", lambda: 1, beta: 0.2, weights: "uniform", stepPolicy: "reject" });
    expect(defined.agents[0]).toMatchObject({
      timeoutMs: limits.TIMEOUT_MS_DEFAULT,
      retry: { attempts: 5, backoffMs: limits.RETRY_BACKOFF_MS_DEFAULT },
      concurrency: limits.CONCURRENCY_DEFAULT,
      view: { textTokens: 128, factTokens: 512 },
      examples: [],
    });
  });

  test("skills that are not listed are those that agents have", () => {
    expect(defineTeam({ name: "t", agents: [agent()] }).skills).toEqual(["hotels"]);
  });

  test("names every problem at once, each with its place, in one line", () => {
    const error = refusal(
      team({
        name: "bad name",
        agents: [agent({ timeoutMs: 0, capabilities: { hotels: 2 }, retry: { attempts: 0 } }), { ...agent(), name: "x.y" }],
      }),
    );
    expect(error.code).toBe("TRIAD_TEAM_INVALID");
    expect(error.message).toMatch(/5 problems: /);
    for (const place of [
      "name: ",
      'agent "hotels", timeoutMs: ',
      'agent "hotels", capabilities, hotels: ',
      'agent "hotels", retry, attempts: ',
      'agent "x.y", name: ',
    ]) {
      expect(error.message).toContain(place);
    }
    expect(error.message).not.toContain("\n");
  });

  test.each([
    ["an unknown skill", team({ agents: [agent({ capabilities: { trams: 0.5 } })] }), '"trams" is not one of the team'],
    ["two agents of one name", team({ agents: [agent(), agent()] }), 'two are named "hotels"'],
    ["a skill that stands twice", team({ skills: ["hotels", "hotels"] }), '"hotels" stands twice'],
    ["a misspelt field", team({ agents: [{ ...agent(), capabilites: {} } as AgentConfig] }), "capabilites"],
    ["no agents", team({ agents: [] }), "agents"],
    ["no step", team({ agents: [{ ...agent(), step: undefined as never }] }), "must be a function"],
    ["no team at all", 7, "team"],
    ["nothing", undefined, "team"],
    ["alpha that is no step", team({ negotiation: { alpha: -1 } }), "negotiation.alpha"],
  ])("%s", (_what, config, problem) => {
    const error = refusal(config);
    expect(error.code).toBe("TRIAD_TEAM_INVALID");
    expect(error.message).toContain(problem);
  });

  test("a template alone is TRIAD_TEMPLATE_INVALID with its place; among other problems it is one of them", () => {
    const broken = agent({ prompt: { template: "Hello\n{{input}}", version: 1 } });
    expect(refusal(team({ agents: [broken] }))).toMatchObject({
      code: "TRIAD_TEMPLATE_INVALID",
      details: { agent: "hotels", line: 2, column: 1 },
    });
    const both = refusal(team({ agents: [broken, agent({ name: "b", capabilities: { trams: 1 } })] }));
    expect(both.code).toBe("TRIAD_TEAM_INVALID");
    expect(both.message).toContain("2 problems");
  });
});

describe("the manifest", () => {
  const examples = ["a cheap hotel", "a room in the centre", "a guest house with parking"];

  test("holds what is declared, neither code nor paths, and its digest is stable", () => {
    const make = () =>
      manifestOf(defineTeam(team({ agents: [agent({ examples }), agent({ name: "trains", capabilities: { trains: 0.8 } })] })));
    const manifest = make();
    expect(manifest.agents[0]).not.toHaveProperty("step");
    expect(manifest.agents[0]).not.toHaveProperty("model");
    expect(manifest.idf.length).toBe(ROUTING_DIM * 4);
    expect(Object.keys(manifest.prototypes)).toEqual(["hotels"]);
    expect(manifest.prototypes["hotels"]?.map((prototype) => prototype.length)).toEqual([ROUTING_DIM, ROUTING_DIM, ROUTING_DIM]);
    expect(digestOf(manifest)).toBe(digestOf(make()));
  });

  test("code does not change the digest, what is declared does", () => {
    const digest = (more: Partial<AgentConfig>) => digestOf(manifestOf(defineTeam(team({ agents: [agent(more)] }))));
    expect(digest({ step: (turn) => turn.finish({ output: "other" }) })).toBe(digest({}));
    expect(digest({ timeoutMs: 1_234 })).not.toBe(digest({}));
    expect(digest({ examples })).not.toBe(digest({}));
  });

  test("without examples there is no idf", () => {
    expect(manifestOf(defineTeam(team())).idf.length).toBe(0);
  });

  test("one that does not fit a message is refused", () => {
    const agents = Array.from({ length: 20 }, (_, i) => agent({ name: `a${i}`, prompt: { template: "x".repeat(60_000), version: 1 } }));
    expect(() => manifestOf(defineTeam(team({ agents })))).toThrow(expect.objectContaining({ code: "TRIAD_TEAM_INVALID" }));
  });
});

describe("choosePrototypes", () => {
  const topics = ["cheap hotel with parking", "train to cambridge on tuesday", "indian restaurant in the centre"];
  const embedded = topics.flatMap((topic) => Array.from({ length: 10 }, (_, i) => embedText(`${topic} for ${i} people`, ROUTING_DIM)));
  const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);

  test("a few stay as they are", () => {
    expect(choosePrototypes(embedded.slice(0, 5), 16)).toEqual(embedded.slice(0, 5));
  });

  test("many become unit vectors that cover every topic, the same each time", () => {
    const prototypes = choosePrototypes(embedded, 3);
    expect(prototypes.length).toBe(3);
    for (const prototype of prototypes) expect(dot(prototype, prototype)).toBeCloseTo(1, 5);
    for (const topic of topics) {
      const query = embedText(topic, ROUTING_DIM);
      expect(Math.max(...prototypes.map((prototype) => dot(prototype, query)))).toBeGreaterThan(0.8);
    }
    expect(choosePrototypes(embedded, 3)).toEqual(prototypes);
  });
});
