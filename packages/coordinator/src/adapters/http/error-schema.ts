/** The one error body, as a schema, and the error answers that a route documents. */
import { ERRORS, type ErrorCode } from "@triad/protocol";
import { z } from "zod";

const httpCodes = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => ERRORS[code].status > 0);

const errorSchema: z.ZodType = z
  .object({
    error: z.object({
      code: z.enum(httpCodes).describe("Stable; what to do about each stands in docs/errors.md."),
      message: z.string(),
      retryable: z.boolean().describe("The same request may be repeated."),
      details: z.exactOptional(z.unknown()),
    }),
  })
  .meta({ id: "Error" });

/** A documented answer: what it is, and the schema of each content type. */
export interface DocumentedAnswer {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: z.ZodType }>>;
}

/** What every route may answer: unauthorized, too many, our own mistake, no leader. */
const EVERYWHERE: readonly ErrorCode[] = [
  "TRIAD_BAD_REQUEST",
  "TRIAD_UNAUTHORIZED",
  "TRIAD_OVERLOADED",
  "TRIAD_INTERNAL",
  "TRIAD_NO_LEADER",
  "TRIAD_NOT_READY",
];
/** What every route with a body may answer. */
export const BODY_ERRORS: readonly ErrorCode[] = ["TRIAD_MALFORMED_JSON", "TRIAD_UNSUPPORTED_MEDIA_TYPE", "TRIAD_BODY_TOO_LARGE"];

export function jsonAnswer(description: string, schema: z.ZodType): DocumentedAnswer {
  return { description, content: { "application/json": { schema } } };
}

export function textAnswer(description: string, contentType: string): DocumentedAnswer {
  return { description, content: { [contentType]: { schema: z.string() } } };
}

/** Error answers by status, each description listing the codes that come with it. */
export function errorAnswers(...codes: readonly ErrorCode[]): Record<number, DocumentedAnswer> {
  const byStatus = new Map<number, Set<ErrorCode>>();
  for (const code of [...codes, ...EVERYWHERE]) {
    const status = ERRORS[code].status;
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code));
  }
  return Object.fromEntries([...byStatus].map(([status, found]) => [status, jsonAnswer([...found].join(" · "), errorSchema)]));
}
