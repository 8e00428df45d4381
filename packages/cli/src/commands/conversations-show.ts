/** `triad conversations show`: the transcript and the facts; with --verify, whether the hash chain holds (exit 1 where it does not). */
import { type ClusterFlags, connectCluster } from "../connect.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { clip, data, json, note, styled, table } from "../output.ts";

/** Characters of an event's text in the table; the whole of it is in --json. */
const TEXT_SHOWN = 80;
/** Characters of a hash that people compare. */
const HASH_SHOWN = 12;

export async function runConversationsShow(
  id: string,
  flags: ClusterFlags & { readonly verify?: boolean; readonly json?: boolean },
): Promise<number> {
  const client = await connectCluster(flags);
  const conversation = await client.conversation(id, { verify: flags.verify === true });
  const code: ExitCode = flags.verify === true && conversation.verified !== true ? EXIT.failed : EXIT.done;
  if (code !== EXIT.done)
    note(`the hash chain of ${conversation.conversation} does not verify: its transcript is not the one that was committed`);
  if (flags.json === true) {
    json(conversation);
    return code;
  }
  const verified =
    flags.verify !== true ? "" : conversation.verified === true ? `  ${styled("green", "verified")}` : `  ${styled("red", "broken")}`;
  data(`${styled("bold", conversation.conversation)}  root ${conversation.root.slice(0, HASH_SHOWN)}${verified}`);
  if (conversation.events.length > 0) {
    const rows = conversation.events.map((e) => [e.seq, e.type, e.by, clip(e.text, TEXT_SHOWN), e.id.slice(0, HASH_SHOWN)]);
    data(`\n${table(["SEQ", "EVENT", "BY", "TEXT", "HASH"], rows)}`);
  }
  const facts = Object.entries(conversation.facts);
  if (facts.length > 0)
    data(
      `\n${table(
        ["FACT", "VALUE"],
        facts.map(([name, value]) => [name, clip(JSON.stringify(value), TEXT_SHOWN)]),
      )}`,
    );
  return code;
}
