/** /openapi.json: OpenAPI 3.1 out of the very schemas that requests are checked with. */
import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import { z } from "zod";
import { acceptedSchema, agentSchema, clusterSchema, conversationSchema, explainSchema, stepSchema, taskSchema } from "./answer-schemas.ts";
import { errorSchema } from "./error-schema.ts";

/** Version of the HTTP contract, not of the package: paths begin with its major number. */
const API_VERSION = "1.0.0";

/** To be called before the routes are registered; they are collected as they come. */
export async function registerOpenApi(server: FastifyInstance, options: { readonly secured: boolean }): Promise<void> {
  const schemaRegistry = z.registry<{ id?: string | undefined }>();
  const named = { Error: errorSchema, Accepted: acceptedSchema, Task: taskSchema, Step: stepSchema, Conversation: conversationSchema };
  const others = { Agent: agentSchema, Explanation: explainSchema, Cluster: clusterSchema };
  for (const [id, schema] of Object.entries({ ...named, ...others })) schemaRegistry.add(schema, { id });
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
    transform: createJsonSchemaTransform({ schemaRegistry }),
    transformObject: createJsonSchemaTransformObject({ schemaRegistry }),
  });
}
