/** Another team altogether: a worker that brings it to a running cluster is refused. */
import { defineAgent, defineTeam, type TeamDefinition } from "@triad/agent-worker";

const team: TeamDefinition = defineTeam({
  name: "others",
  agents: [
    defineAgent({
      name: "stranger",
      prompt: { template: "{{input:text:required}}", version: 1 },
      capabilities: { strangeness: 0.5 },
      step: (turn) => turn.finish({ output: "from elsewhere" }),
    }),
  ],
});
export default team;
