/** A team whose only mistake is a prompt that does not parse. */
import { defineAgent, defineTeam, type TeamDefinition } from "@triad/agent-worker";

const team: TeamDefinition = defineTeam({
  name: "bad-template",
  agents: [
    defineAgent({
      name: "unfinished",
      prompt: { template: "Known: {{facts:json\nTask: {{input:text:required}}", version: 1 },
      step: (turn) => turn.finish(),
    }),
  ],
});
export default team;
