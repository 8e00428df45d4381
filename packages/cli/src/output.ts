/** Data on stdout, the rest on stderr; tables aligned; colour only where the stream is a terminal that wants it. */
import { stripVTControlCharacters, styleText } from "node:util";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

export function data(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

export function json(value: unknown): void {
  data(JSON.stringify(value, undefined, process.stdout.isTTY ? 2 : undefined));
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Styled for stdout: `styleText` looks at NO_COLOR, FORCE_COLOR and whether the stream is a terminal. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

const width = (text: string): number => [...stripVTControlCharacters(text)].length;

/** Columns aligned by their widest cell; a column of numbers is aligned right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => row.map(String));
  const widths = head.map((title, column) => Math.max(width(title), ...cells.map((row) => width(row[column] ?? ""))));
  const numeric = head.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === "number"));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const pad = " ".repeat(Math.max(0, (widths[column] ?? 0) - width(cell)));
        return numeric[column] ? pad + cell : cell + pad;
      })
      .join("  ")
      .trimEnd();
  return [line(head.map((title) => styled("dim", title))), ...cells.map(line)].join("\n");
}

/** One line of at most `length` characters: for transcripts and outputs in a table. */
export function clip(text: string, length: number): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`;
}
