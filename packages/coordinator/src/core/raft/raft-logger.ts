/**
 * Where the core tells what it does, line by line, for people; an injected port, absent by default (no line is built then).
 * Decisions never rest on it.
 */
export interface RaftLogger {
  debug(line: string): void;
  info(line: string): void;
  warning(line: string): void;
  error(line: string): void;
}

/** Ids are shown in hexadecimal in log lines, as etcd does. */
export function hex(id: number): string {
  return id.toString(16);
}
