/** /openapi.json says what the server does: every route, every reference, every error. */
import { ERRORS } from "@triad/protocol";
import { beforeAll, expect, test } from "vitest";
import { harness } from "./harness.ts";

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { readonly description: string; readonly content?: Readonly<Record<string, { schema: object }>> }>
  >;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean; readonly schema: object }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Readonly<Record<string, unknown>> }>> };
  readonly security?: readonly object[];
}
interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>>; readonly securitySchemes: object };
  readonly security: readonly object[];
}

let document: OpenApi;
let registered: Set<string>;
beforeAll(async () => {
  await using h = harness();
  const routes = new Set<string>();
  h.server.addHook("onRoute", ({ method, url }) => {
    for (const verb of [method].flat()) if (verb !== "HEAD") routes.add(`${verb.toLowerCase()} ${url.replaceAll(/:(\w+)/g, "{$1}")}`);
  });
  const answer = await h.server.inject("/openapi.json");
  expect(answer.statusCode).toBe(200);
  document = answer.json();
  registered = routes;
});

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

test("it is OpenAPI 3.1, with every route but itself", () => {
  expect(document.openapi).toMatch(/^3\.1\.\d+$/);
  expect([document.info.title, document.info.version]).toEqual(["Triad", "1.0.0"]);
  const documented = operations().map(({ path, method }) => `${method} ${path}`);
  expect(documented.sort()).toEqual([...registered].filter((route) => route !== "get /openapi.json").sort());
});

test("every reference resolves", () => {
  const references: string[] = [];
  JSON.stringify(document, (key, value: unknown) => {
    if (key === "$ref") references.push(String(value));
    return value;
  });
  expect(references.length).toBeGreaterThan(20);
  const unused = Object.keys(document.components.schemas).filter((name) => !references.includes(`#/components/schemas/${name}`));
  expect(unused).toEqual([]);
  for (const reference of references) {
    expect(reference).toMatch(/^#\/components\/schemas\/\w+$/);
    expect(document.components.schemas[reference.slice("#/components/schemas/".length)], reference).toBeTypeOf("object");
  }
});

test("every operation has a unique id, its path's parameters, described answers, and errors with the contract's body", () => {
  const ids = operations().map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { path, operation } of operations()) {
    const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
    expect(inPath.map(({ name, required }) => `${name} ${required}`)).toEqual(
      [...path.matchAll(/\{(\w+)\}/g)].map((match) => `${match[1]} true`),
    );
    for (const [status, answer] of Object.entries(operation.responses)) {
      expect(answer.description.length, `${path} ${status}`).toBeGreaterThan(0);
      if (Number(status) < 400) continue;
      expect(answer.content?.["application/json"]?.schema).toEqual({ $ref: "#/components/schemas/Error" });
      for (const code of answer.description.split(" · ")) expect(ERRORS[code as keyof typeof ERRORS]?.status).toBe(Number(status));
    }
  }
});

test("the body of a task is described as it is checked", () => {
  const schema = document.paths["/v1/tasks"]?.post?.requestBody?.content["application/json"]?.schema ?? {};
  expect([schema.type, schema.required, schema.additionalProperties]).toEqual(["object", ["input"], false]);
  const fields = [
    "input",
    "conversation",
    "requires",
    "strategy",
    "deadlineMs",
    "maxTransitions",
    "budgetUsd",
    "facts",
    "observations",
    "idempotencyKey",
  ];
  expect(Object.keys(schema.properties as object).sort()).toEqual(fields.sort());
});

test("descriptions arrive, and answers may gain fields", () => {
  expect((document.components.schemas.Step as { properties: { attempt: object } }).properties.attempt).toMatchObject({
    description: "From 1.",
  });
  expect(JSON.stringify(document.components.schemas)).not.toContain('"additionalProperties":false');
});

test("with a token, everything but probes asks for it", async () => {
  await using h = harness({ token: "t" });
  const secured = (await h.server.inject("/openapi.json")).json() as OpenApi;
  expect(secured.security).toEqual([{ bearer: [] }]);
  expect(secured.paths["/healthz"]?.get?.security).toEqual([]);
  expect(secured.paths["/v1/tasks"]?.post?.security).toBeUndefined();
  expect(document.security).toEqual([]);
});
