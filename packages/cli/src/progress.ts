/** What a person sees while something takes its time: a live list on a terminal, plain lines in a pipe; on stderr in both. */
import { note } from "./output.ts";

export type Say = (line: string) => void;

/** Runs `work` under `title`; what it says last is shown beside it. Errors go to the caller, who prints them. */
export async function withProgress<T>(title: string, work: (say: Say) => Promise<T>): Promise<T> {
  return process.stderr.isTTY ? onTerminal(title, work) : inPipe(title, work);
}

async function inPipe<T>(title: string, work: (say: Say) => Promise<T>): Promise<T> {
  note(title);
  let last = "";
  return work((line) => {
    if (line !== last) note(`  ${line}`);
    last = line;
  });
}

async function onTerminal<T>(title: string, work: (say: Say) => Promise<T>): Promise<T> {
  const { Listr, ListrLogger, ProcessOutput } = await import("listr2");
  const logger = new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) });
  let result: { readonly value: T } | undefined;
  const list = new Listr(
    [
      {
        title,
        task: async (_, task) => {
          result = {
            value: await work((line) => {
              task.output = line;
            }),
          };
        },
      },
    ],
    { rendererOptions: { logger, showErrorMessage: false }, registerSignalListeners: false },
  );
  await list.run();
  if (result === undefined) throw new Error("the list ended without its task");
  return result.value;
}
