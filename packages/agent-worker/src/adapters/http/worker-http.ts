/** The worker's own small HTTP server: `/metrics` and `/healthz`, nothing that changes anything. */
import { createServer, type ServerResponse } from "node:http";
import { TriadError } from "@triad/protocol";
import type { Registry } from "prom-client";

export interface WorkerHttpOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly registry: Registry;
  /** What `/healthz` says; `ok` decides the status. */
  health(): { readonly ok: boolean } & Readonly<Record<string, unknown>>;
}

export interface WorkerHttp {
  readonly url: string;
  close(): Promise<void>;
}

/** @throws TriadError TRIAD_PORT_TAKEN */
export async function serveWorkerHttp(options: WorkerHttpOptions): Promise<WorkerHttp> {
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?")[0];
    if (request.method !== "GET" && request.method !== "HEAD") return refuse(response, "TRIAD_METHOD_NOT_ALLOWED");
    if (path === "/healthz") {
      const health = options.health();
      return json(response, health.ok ? 200 : 503, health);
    }
    if (path === "/metrics") return void metrics(options.registry, response);
    refuse(response, "TRIAD_ROUTE_NOT_FOUND");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === "EADDRINUSE";
      const message = taken
        ? `another process listens on ${options.host}:${options.port}`
        : `cannot listen on ${options.host}:${options.port}: ${cause.message}`;
      reject(new TriadError(taken ? "TRIAD_PORT_TAKEN" : "TRIAD_CONFIG_INVALID", message, undefined, { cause }));
    });
    server.listen(options.port, options.host, () => resolve());
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function metrics(registry: Registry, response: ServerResponse): Promise<void> {
  const text = await registry.metrics();
  response.writeHead(200, { "content-type": registry.contentType }).end(text);
}

function refuse(response: ServerResponse, code: "TRIAD_METHOD_NOT_ALLOWED" | "TRIAD_ROUTE_NOT_FOUND"): void {
  const error = new TriadError(code);
  json(response, error.status, { error: error.toBody() });
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
