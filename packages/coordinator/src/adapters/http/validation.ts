/** Zod behind fastify's two compilers: requests are checked, answers are only written. */
import type { FastifySchemaCompiler } from "fastify";
import type { FastifySerializerCompiler } from "fastify/types/schema.js";
import type { z } from "zod";
import { badRequest, type Issue } from "./problems.ts";

const PARTS: Readonly<Record<string, string>> = { querystring: "query" };

/** Refuses with every problem named. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const part = httpPart === undefined ? "request" : (PARTS[httpPart] ?? httpPart);
  return (data) => {
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: badRequest(part, result.error.issues as readonly Issue[]) };
  };
};

/** Answers are built by the coordinator from committed state; their schemas are documentation (answer-schemas.ts says why). */
export const serializerCompiler: FastifySerializerCompiler<z.ZodType> = () => (answer) => JSON.stringify(answer);
