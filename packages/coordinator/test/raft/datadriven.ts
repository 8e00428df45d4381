/**
 * Reads datadriven scenario files: `command arg key=value key=(a,b)`, optional input lines, `----`, then the expected output up to a
 * blank line, or between `----\n----` lines if it contains blank lines itself. Lines starting with # outside of outputs are comments.
 */

export interface Argument {
  readonly key: string;
  readonly values: readonly string[];
}

export interface Directive {
  /** 1-based line of the command, for failure messages. */
  readonly line: number;
  readonly command: string;
  readonly arguments: readonly Argument[];
  readonly input: string;
  readonly expected: string;
}

const SEPARATOR = "----";

export function parseDirectives(text: string): Directive[] {
  const lines = text.split("\n");
  const directives: Directive[] = [];
  let at = 0;
  while (at < lines.length) {
    const start = at;
    const first = lines[at++]!.trim();
    if (first === "" || first.startsWith("#")) continue;
    let commandLine = first;
    while (commandLine.endsWith("\\") && at < lines.length) commandLine = `${commandLine.slice(0, -1).trim()} ${lines[at++]!.trim()}`;
    const input: string[] = [];
    while (at < lines.length && lines[at] !== SEPARATOR) input.push(lines[at++]!);
    if (at >= lines.length) throw new Error(`line ${start + 1}: no ${SEPARATOR} after ${commandLine}`);
    at++;
    const expected: string[] = [];
    if (lines[at] === SEPARATOR) {
      at++;
      while (!(lines[at] === SEPARATOR && lines[at + 1] === SEPARATOR)) {
        if (at >= lines.length) throw new Error(`line ${start + 1}: unclosed output block`);
        expected.push(lines[at++]!);
      }
      at += 2;
    } else {
      while (at < lines.length && lines[at] !== "") expected.push(lines[at++]!);
    }
    const { command, args } = parseCommand(commandLine);
    directives.push({ line: start + 1, command, arguments: args, input: input.join("\n"), expected: expected.join("\n") });
  }
  return directives;
}

function parseCommand(line: string): { command: string; args: Argument[] } {
  const [command, ...words] = line.match(/[^\s=]+=\([^)]*\)|\S+/g) ?? [];
  const args = words.map((word): Argument => {
    const equals = word.indexOf("=");
    if (equals < 0) return { key: word, values: [] };
    const value = word.slice(equals + 1);
    const values = value.startsWith("(") ? value.slice(1, -1).split(",") : [value];
    return { key: word.slice(0, equals), values: values.map((one) => one.trim()).filter((one) => one !== "") };
  });
  return { command: command ?? "", args };
}
