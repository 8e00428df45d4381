/** A server over the fake coordinator, its log kept in memory, and the one check that every error answer has to pass. */
import { ERRORS, isErrorCode } from "@triad/protocol";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { expect } from "vitest";
import { createHttpServer, type HttpServerOptions, listen } from "../../src/adapters/http/server.ts";
import { createMetrics, type Metrics } from "../../src/adapters/metrics/metrics.ts";
import { FakeCoordinator } from "./fake-coordinator.ts";

export interface Harness extends AsyncDisposable {
  readonly server: FastifyInstance;
  readonly api: FakeCoordinator;
  readonly metrics: Metrics;
  /** Parsed log lines. */
  readonly logged: {
    readonly level: number;
    readonly msg: string;
    readonly outcome?: string;
    readonly err?: { readonly message: string };
  }[];
  /** Opens a socket on a free port and returns its URL. */
  open(): Promise<string>;
}

export function harness(options: Partial<HttpServerOptions> & { readonly level?: string } = {}): Harness {
  const { level = "debug", ...rest } = options;
  const api = new FakeCoordinator();
  const metrics = createMetrics();
  const logged: Harness["logged"] = [];
  const log = pino({ level }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const server = createHttpServer({ api, metrics, log, ...rest });
  return {
    server,
    api,
    metrics,
    logged,
    open: () => listen(server, "127.0.0.1", 0),
    async [Symbol.asyncDispose]() {
      await server.close();
      metrics.close();
    },
  };
}

interface Answer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Passes only for the contract's error body with the table's status and retryability, and returns its code, message and details. */
export function expectError(
  answer: Answer,
  code?: string,
): { readonly code: string; readonly message: string; readonly details?: unknown } {
  const { error, ...others } = JSON.parse(answer.body);
  expect(others).toEqual({});
  if (code !== undefined) expect(`${error.code}: ${error.message}`).toMatch(new RegExp(`^${code}: `));
  if (!isErrorCode(error.code)) throw new Error(`not a code of the table: ${error.code}`);
  const entry = ERRORS[error.code as keyof typeof ERRORS];
  expect([answer.statusCode, error.retryable]).toEqual([entry.status, entry.retryable]);
  expect(Object.keys(error).filter((key) => !["code", "message", "retryable", "details"].includes(key))).toEqual([]);
  expect(error.message).toMatch(/^[^\n]+$/);
  expect(answer.body).not.toMatch(/\bat .+:\d+:\d+|\.ts:\d+|node_modules/);
  expect(String(answer.headers["content-type"])).toMatch(/^application\/json/);
  if (answer.statusCode === 429) expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
  return error;
}
