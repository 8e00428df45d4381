/**
 * A team as the coordinators know it: everything that `defineTeam` declares and routes by, neither code nor paths.
 * Derived here, once, because it needs logarithms and square roots, which apply has not: the idf table and the prototypes of the examples.
 * The same team file gives the same bytes on every machine, so workers of one team agree on its digest.
 */
import { hash } from "node:crypto";
import {
  type AgentManifest,
  type Canonical,
  embedText,
  encodeCanonical,
  floatsToBytes,
  inverseDocumentFrequency,
  limits,
  quantiseRouting,
  ROUTING_DIM,
  type TeamManifest,
  TriadError,
} from "@triad/protocol";
import type { AgentDefinition, TeamDefinition } from "./define.ts";
import { choosePrototypes } from "./prototypes.ts";

/** Room in a frame for the envelope around the manifest. */
const ENVELOPE_BYTES = 4096;

/** @throws TriadError TRIAD_TEAM_INVALID where the team is too large for one frame. */
export function manifestOf(team: TeamDefinition): TeamManifest {
  const examples = team.agents.flatMap((agent) => agent.examples);
  const idf = examples.length === 0 ? undefined : inverseDocumentFrequency(examples, ROUTING_DIM);
  const prototypes = team.agents
    .filter((agent) => agent.examples.length > 0)
    .map((agent) => {
      const embedded = agent.examples.map((example) => embedText(example, ROUTING_DIM, idf));
      return [agent.name, choosePrototypes(embedded, limits.PROTOTYPES_MAX).map(quantiseRouting)] as const;
    });
  const manifest: TeamManifest = {
    name: team.name,
    skills: team.skills,
    negotiation: team.negotiation,
    agents: team.agents.map(agentManifestOf),
    idf: idf === undefined ? new Uint8Array(0) : floatsToBytes(idf),
    prototypes: Object.fromEntries(prototypes),
  };
  const bytes = canonicalBytes(manifest).length;
  if (bytes > limits.FRAME_BYTES_MAX - ENVELOPE_BYTES) {
    const message = `team "${team.name}": its manifest of ${bytes} bytes does not fit one message of ${limits.FRAME_BYTES_MAX}; shorten templates or examples`;
    throw new TriadError("TRIAD_TEAM_INVALID", message);
  }
  return manifest;
}

/** SHA-256, hex, of the manifest's canonical bytes. */
export function digestOf(manifest: TeamManifest): string {
  return hash("sha256", canonicalBytes(manifest), "hex");
}

function canonicalBytes(manifest: TeamManifest): Uint8Array {
  return encodeCanonical(manifest as unknown as Canonical);
}

function agentManifestOf(agent: AgentDefinition): AgentManifest {
  return {
    name: agent.name,
    prompt: agent.prompt,
    capabilities: agent.capabilities,
    examples: agent.examples,
    ...(agent.model === undefined ? {} : { model: agent.model }),
    timeoutMs: agent.timeoutMs,
    retry: agent.retry,
    concurrency: agent.concurrency,
  };
}
