/**
 * The HTTP door of a coordinator: parses, asks the port, renders. Kept apart from everything behind `CoordinatorApi`; holds no state of its
 * own but the requests that are open.
 *
 * H1: every answer that is not a success has the contract's error body, whatever went wrong and wherever.
 * H2: nothing is answered without a token, where there is one, except routes that say `open`.
 * H3: a body is bounded before it is read, a held request before it is held.
 */
import { TriadError } from "@triad/protocol";
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from "fastify";
import type { CoordinatorApi } from "../../services/state-manager/api.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { bearerCheck } from "./bearer-token.ts";
import { answerClientError } from "./client-errors.ts";
import { sendError } from "./error-answers.ts";
import { HeldRequests } from "./held-requests.ts";
import {
  BODY_BYTES_MAX,
  HELD_REQUESTS_MAX,
  KEEP_ALIVE_MS,
  PARAM_LENGTH_MAX,
  REQUEST_TIMEOUT_MS,
  STALLED_READER_MS,
} from "./http-limits.ts";
import { acceptJsonOnly } from "./json-body.ts";
import { LargeAnswers } from "./large-answers.ts";
import { registerOpenApi } from "./openapi.ts";
import { quoted } from "./problems.ts";
import { RouteTable } from "./route-table.ts";
import { registerAgentRoutes } from "./routes/agent-routes.ts";
import { registerClusterRoutes } from "./routes/cluster-routes.ts";
import { registerConversationRoutes } from "./routes/conversation-routes.ts";
import { registerEffectRoutes } from "./routes/effect-routes.ts";
import { registerOperationsRoutes } from "./routes/operations-routes.ts";
import { registerTaskEventRoutes } from "./routes/task-event-routes.ts";
import { registerTaskRoutes } from "./routes/task-routes.ts";
import { registerUnbuiltRoutes } from "./routes/unbuilt-routes.ts";
import { serializerCompiler, validatorCompiler } from "./validation.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered without a token. */
    open?: boolean;
  }
}

export interface HttpServerOptions {
  readonly api: CoordinatorApi;
  readonly metrics: Metrics;
  readonly log: FastifyBaseLogger;
  /** Absent: everybody may ask; the configuration sees to it that this is only so on loopback. */
  readonly token?: string;
  /** For tests: how soon a silent stream and a stalled reader are noticed, and how many requests may be held. */
  readonly timing?: { readonly keepAliveMs?: number; readonly stalledReaderMs?: number };
  readonly heldRequestsMax?: number;
}

/** Builds the server; `listen` opens it, `close()` ends held requests and streams, then waits for the rest. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { api, metrics, log, token } = options;
  const held = new HeldRequests(options.heldRequestsMax ?? HELD_REQUESTS_MAX);
  const server = Fastify({
    loggerInstance: log,
    // Two lines at info for every request would be most of the log; the hook below leaves one at debug.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    // Fastify's own answer while closing has no code; the hook below has.
    return503OnClosing: false,
    // Node's own refusal of a missing Host has no body; the hook below has.
    http: { requireHostHeader: false },
    frameworkErrors: sendError,
    clientErrorHandler: answerClientError,
  });
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  acceptJsonOnly(server);
  server.setErrorHandler(sendError);
  addRequestHooks(server, held, token);
  server.register(async (scope) => {
    await registerOpenApi(scope, { secured: token !== undefined });
    const large = new LargeAnswers();
    registerTaskRoutes(scope, api, held, large);
    registerEffectRoutes(scope, api, large);
    registerTaskEventRoutes(scope, api, held, {
      keepAliveMs: options.timing?.keepAliveMs ?? KEEP_ALIVE_MS,
      stalledReaderMs: options.timing?.stalledReaderMs ?? STALLED_READER_MS,
    });
    registerConversationRoutes(scope, api, large);
    registerAgentRoutes(scope, api);
    registerClusterRoutes(scope, api);
    registerOperationsRoutes(scope, api, metrics);
    registerUnbuiltRoutes(scope);
  });
  return server;
}

/** In the order in which a request meets them: closing, token, route, and at the end the log. */
function addRequestHooks(server: FastifyInstance, held: HeldRequests, token: string | undefined): void {
  const table = new RouteTable();
  server.addHook("onRoute", ({ url, method }) => table.add(url, [method].flat()));
  const checkToken = token === undefined ? undefined : bearerCheck(token);
  const refuseUnknown = (request: FastifyRequest, reply: FastifyReply): never => {
    const allowed = table.methodsOf(request.url.split("?", 1)[0] ?? "");
    const path = quoted(request.url);
    if (allowed.length === 0) throw new TriadError("TRIAD_ROUTE_NOT_FOUND", `No route ${request.method} ${path}; see /openapi.json.`);
    reply.header("allow", allowed.join(", "));
    throw new TriadError("TRIAD_METHOD_NOT_ALLOWED", `${path} takes ${allowed.join(", ")}, not ${request.method}.`, { allowed });
  };

  server.addHook("onRequest", async (request, reply) => {
    if (held.closing) throw new TriadError("TRIAD_NOT_READY", "This coordinator is stopping; repeat at another.");
    if (request.headers.host === undefined && request.raw.httpVersion === "1.1")
      throw new TriadError("TRIAD_BAD_REQUEST", "No Host header.");
    if (!request.routeOptions.config.open) checkToken?.(request.headers.authorization);
    // Here, not in the handler: a body that nobody reads must not be judged first.
    if (request.is404) refuseUnknown(request, reply);
  });
  server.setNotFoundHandler(refuseUnknown);
  server.addHook("preClose", async () => held.close());
  // A connection that stays open after its answer would keep close() waiting until its keep-alive runs out.
  server.addHook("onSend", async (_request, reply) => {
    if (held.closing) reply.header("connection", "close");
  });
  server.addHook("onResponse", async (request, reply) => {
    const { method, url } = request;
    request.log.debug({ method, url, status: reply.statusCode, ms: Math.round(reply.elapsedTime * 10) / 10 }, "request");
  });
}

/** Opens the server and returns its URL. A port that cannot be had is the operator's to mend, so it is typed. */
export async function listen(server: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await server.listen({ host, port });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "EADDRINUSE") {
      throw new TriadError(
        "TRIAD_PORT_TAKEN",
        `Port ${port} on ${host} is taken by another process; choose another with --http.`,
        { host, port },
        { cause },
      );
    }
    if (code === "EACCES" || code === "EADDRNOTAVAIL" || code === "ENOTFOUND") {
      throw new TriadError("TRIAD_CONFIG_INVALID", `Cannot listen on ${host}:${port} (${code}).`, { host, port }, { cause });
    }
    throw cause;
  }
}
