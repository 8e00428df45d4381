/**
 * How a team is written (interface.md 4): `defineAgent` and `defineTeam`. All mistakes of a team are found here, at once and by name,
 * before anything runs; only whether alpha keeps the proven bound is the coordinators' to say.
 */
import { isFactName, isToken, limits, type NegotiationManifest, TriadError } from "@triad/protocol";
import { z } from "zod";
import { parseTemplate, type Template } from "./core/index.ts";
import type { StepResult, Turn } from "./turn.ts";

export interface AgentConfig {
  readonly name: string;
  readonly prompt: { readonly template: string; readonly version: number };
  /** Skill → prior quality in [0, 1]; learned from outcomes afterwards. */
  readonly capabilities?: Readonly<Record<string, number>>;
  /** What the agent is asked, as sentences: they route free text. */
  readonly examples?: readonly string[];
  /** `replay:FILE`, `openai:NAME` or `openai-compatible:URL#NAME`; plain code needs none. */
  readonly model?: string;
  /** What the model costs, US dollars a million tokens; without it the cost of a step is 0. */
  readonly price?: { readonly inputUsdPerMillion: number; readonly outputUsdPerMillion: number };
  readonly timeoutMs?: number;
  readonly retry?: { readonly attempts?: number; readonly backoffMs?: number };
  /** Conversations that one worker serves at once with this agent. */
  readonly concurrency?: number;
  /** Budgets of the view in this agent's prompt. */
  readonly view?: { readonly textTokens?: number; readonly factTokens?: number };
  step(turn: Turn): StepResult | Promise<StepResult>;
}

export interface TeamConfig {
  readonly name: string;
  /** Every skill that agents may have and steps may require. Default: all that the agents name. */
  readonly skills?: readonly string[];
  readonly negotiation?: Partial<NegotiationManifest>;
  readonly agents: readonly AgentConfig[];
}

/** An agent with every default filled in. */
export interface AgentDefinition {
  readonly name: string;
  readonly prompt: { readonly template: string; readonly version: number };
  readonly template: Template;
  readonly capabilities: Readonly<Record<string, number>>;
  readonly examples: readonly string[];
  readonly model: string | undefined;
  readonly price: { readonly inputUsdPerMillion: number; readonly outputUsdPerMillion: number };
  readonly timeoutMs: number;
  readonly retry: { readonly attempts: number; readonly backoffMs: number };
  readonly concurrency: number;
  readonly view: { readonly textTokens: number; readonly factTokens: number };
  readonly step: (turn: Turn) => StepResult | Promise<StepResult>;
}

export interface TeamDefinition {
  readonly name: string;
  readonly skills: readonly string[];
  readonly negotiation: NegotiationManifest;
  readonly agents: readonly AgentDefinition[];
}

/** Registered, so that a team made by another copy of this package is still recognised. */
const TEAM: unique symbol = Symbol.for("triad.team") as never;

export function isTeam(value: unknown): value is TeamDefinition {
  return typeof value === "object" && value !== null && TEAM in value;
}

/** Declares an agent; its mistakes are reported by {@link defineTeam}, together with all others of the team. */
export function defineAgent(config: AgentConfig): AgentConfig {
  return config;
}

const name = z.string().refine(isToken, `must be 1 to ${limits.NAME_LENGTH_MAX} letters, digits, _ or -, beginning with a letter or digit`);
const share = z.number().min(0).max(1);
const skill = z.string().refine((text) => isToken(text) && isFactName(text), "is not a skill name (letters, digits, _ and -)");
const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

const agentSchema = z.strictObject({
  name,
  prompt: z.strictObject({
    template: z.string().refine((text) => bytesOf(text) <= limits.TEMPLATE_BYTES_MAX, `is above ${limits.TEMPLATE_BYTES_MAX} bytes`),
    version: z.number().int().min(0),
  }),
  capabilities: z.record(skill, share).default({}),
  examples: z.array(z.string().min(1).max(limits.EXAMPLE_LENGTH_MAX)).max(limits.EXAMPLES_MAX).default([]),
  model: z.string().min(1).max(512).optional(),
  price: z
    .strictObject({ inputUsdPerMillion: z.number().min(0), outputUsdPerMillion: z.number().min(0) })
    .default({ inputUsdPerMillion: 0, outputUsdPerMillion: 0 }),
  timeoutMs: z.number().int().min(1).max(limits.TIMEOUT_MS_MAX).default(limits.TIMEOUT_MS_DEFAULT),
  retry: z
    .strictObject({
      attempts: z.number().int().min(1).max(limits.RETRY_ATTEMPTS_MAX).default(limits.RETRY_ATTEMPTS_DEFAULT),
      backoffMs: z.number().int().min(0).max(limits.RETRY_BACKOFF_MS_MAX).default(limits.RETRY_BACKOFF_MS_DEFAULT),
    })
    .prefault({}),
  concurrency: z.number().int().min(1).max(limits.CONCURRENCY_MAX).default(limits.CONCURRENCY_DEFAULT),
  view: z
    .strictObject({
      textTokens: z.number().int().min(0).default(limits.VIEW_TEXT_TOKENS_DEFAULT),
      factTokens: z.number().int().min(0).default(limits.VIEW_FACT_TOKENS_DEFAULT),
    })
    .prefault({}),
  step: z.custom<AgentDefinition["step"]>((value) => typeof value === "function", "must be a function"),
});

const teamSchema = z.strictObject({
  name,
  skills: z.array(skill).max(limits.SKILLS_MAX).optional(),
  negotiation: z
    .strictObject({
      alpha: z.union([z.literal("auto"), z.number().gt(0).max(1e6)]).default("auto"),
      lambda: z.number().min(0).max(1e6).default(1),
      beta: z.number().gt(0).max(1e6).default(0.2),
      weights: z.enum(["uniform", "trust"]).default("uniform"),
      stepPolicy: z.enum(["reject", "clamp"]).default("reject"),
    })
    .prefault({}),
  agents: z.array(agentSchema).min(1).max(limits.AGENTS_MAX),
});

type ParsedTeam = z.infer<typeof teamSchema>;

/**
 * Checks a team and fills in its defaults.
 * @throws TriadError TRIAD_TEAM_INVALID with every problem; TRIAD_TEMPLATE_INVALID where templates are all that is wrong.
 */
export function defineTeam(config: TeamConfig): TeamDefinition {
  const parsed = teamSchema.safeParse(config);
  if (!parsed.success) {
    const label = typeof config === "object" && config !== null && typeof config.name === "string" ? `"${config.name.slice(0, 64)}"` : "?";
    throw teamInvalid(
      label,
      parsed.error.issues.map((issue) => `${placeOf(issue.path, config)}: ${issue.message}`),
    );
  }
  const team = parsed.data;
  const skills = team.skills ?? [...new Set(team.agents.flatMap((agent) => Object.keys(agent.capabilities)))].sort();
  const problems = problemsOf(team, skills);
  const templates = new Map<string, Template>();
  const templateErrors: TriadError[] = [];
  for (const agent of team.agents) {
    try {
      templates.set(agent.name, parseTemplate(agent.prompt.template));
    } catch (error) {
      if (!(error instanceof TriadError)) throw error;
      templateErrors.push(
        new TriadError(error.code, `agent "${agent.name}", prompt: ${error.message}`, { agent: agent.name, ...detailsOf(error) }),
      );
    }
  }
  const [firstTemplateError] = templateErrors;
  if (problems.length === 0 && templateErrors.length === 1 && firstTemplateError) throw firstTemplateError;
  const all = [...problems, ...templateErrors.map((error) => error.message)];
  if (all.length > 0) throw teamInvalid(`"${team.name}"`, all);
  const agents = team.agents.map((agent) => {
    const template = templates.get(agent.name) ?? parseTemplate(agent.prompt.template);
    return Object.freeze({ ...agent, model: agent.model, template });
  });
  return Object.freeze({
    name: team.name,
    skills,
    negotiation: Object.freeze(team.negotiation),
    agents: Object.freeze(agents),
    [TEAM]: true,
  });
}

/** What a schema can't see: names that meet. */
function problemsOf(team: ParsedTeam, skills: readonly string[]): string[] {
  const problems: string[] = [];
  for (const twice of duplicates(skills)) problems.push(`skills: "${twice}" stands twice`);
  for (const twice of duplicates(team.agents.map((agent) => agent.name))) problems.push(`agents: two are named "${twice}"`);
  const known = new Set(skills);
  for (const agent of team.agents) {
    for (const named of Object.keys(agent.capabilities)) {
      if (!known.has(named)) problems.push(`agent "${agent.name}", capabilities: "${named}" is not one of the team's skills`);
    }
  }
  return problems;
}

function duplicates(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((item, index) => names.indexOf(item) !== index))];
}

/** `agents.2.retry.attempts` with the agent's name, which says more than its number. */
function placeOf(path: readonly PropertyKey[], config: TeamConfig): string {
  if (path.length === 0) return "team";
  const [first, index, ...rest] = path;
  if (first !== "agents" || typeof index !== "number") return path.map(String).join(".");
  const agent: unknown = config.agents[index];
  const named = typeof agent === "object" && agent !== null && "name" in agent ? agent.name : undefined;
  return [typeof named === "string" ? `agent "${named.slice(0, 64)}"` : `agents[${index}]`, ...rest.map(String)].join(", ");
}

function detailsOf(error: TriadError): object {
  return typeof error.details === "object" && error.details !== null ? error.details : {};
}

function teamInvalid(label: string, problems: readonly string[]): TriadError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new TriadError("TRIAD_TEAM_INVALID", `team ${label}: ${count}: ${problems.join("; ")}`, { problems });
}
