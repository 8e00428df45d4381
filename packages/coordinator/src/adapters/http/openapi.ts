/**
 * /openapi.json: OpenAPI 3.1 out of the very schemas that requests are checked with. Schemas carry their component's name themselves
 * (`meta({ id })`), in zod's own registry, where `describe()` keeps its texts too.
 */
import swagger, { type SwaggerTransformObject } from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";

/** Version of the HTTP contract, not of the package: paths begin with its major number. */
const API_VERSION = "1.0.0";

/**
 * Answers may gain fields ("extend it freely"), so their schemas must not forbid more; zod would. What requests forbid, they forbid
 * explicitly (strictObject), and that stays.
 */
const zodToJsonConfig: NonNullable<Parameters<typeof createJsonSchemaTransform>[0]["zodToJsonConfig"]> = {
  override: ({ zodSchema, jsonSchema }) => {
    if (zodSchema instanceof z.ZodObject && zodSchema.def.catchall === undefined) delete jsonSchema.additionalProperties;
  },
};

const COMPONENT = "#/components/schemas/";

function componentsIn(value: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  JSON.stringify(value, (key, item: unknown) => {
    if (key === "$ref" && typeof item === "string") names.add(item.slice(COMPONENT.length));
    return item;
  });
  return names;
}

interface OpenApiDocument {
  readonly paths?: object;
  readonly components?: { readonly schemas?: Readonly<Record<string, unknown>> };
}

/** Every schema with an id comes as two components, for input and for output; those that no route leads to are left out. */
const transformObject: SwaggerTransformObject = (source) => {
  // The plugin's type covers Swagger 2 too, which has no components; ours is OpenAPI.
  const document = createJsonSchemaTransformObject({ schemaRegistry: z.globalRegistry, zodToJsonConfig })(source) as OpenApiDocument;
  const all = document.components?.schemas ?? {};
  const used = new Set(componentsIn(document.paths));
  // A set may grow while it is walked: what is added is visited too.
  for (const name of used) for (const inner of componentsIn(all[name])) used.add(inner);
  const schemas = Object.fromEntries(Object.entries(all).filter(([name]) => used.has(name)));
  return { ...document, components: { ...document.components, schemas } } as ReturnType<SwaggerTransformObject>;
};

/** To be called before the routes are registered; they are collected as they come. */
export async function registerOpenApi(server: FastifyInstance, options: { readonly secured: boolean }): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Triad",
        version: API_VERSION,
        description: "Durable teams of agents: tasks, conversations, agents and the cluster. Every coordinator answers everything.",
      },
      tags: [
        { name: "tasks" },
        { name: "conversations" },
        { name: "agents" },
        { name: "cluster" },
        { name: "operations" },
        { name: "not built yet" },
      ],
      components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
      security: options.secured ? [{ bearer: [] }] : [],
    },
    transform: createJsonSchemaTransform({ schemaRegistry: z.globalRegistry, zodToJsonConfig }),
    transformObject,
  });
}
