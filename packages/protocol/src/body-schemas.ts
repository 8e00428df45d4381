/** What a reference to a stored text may look like when it arrives as bytes. */
import { z } from "zod";
import { type BodyRef, chunkCount, type StoredBody } from "./body.ts";
import { BODY_BYTES_MAX, BODY_HEAD_LENGTH } from "./limits.ts";

export const hashSchema: z.ZodType<string> = z.string().regex(/^[0-9a-f]{64}$/, "not a SHA-256");

const CHUNKS_MAX = chunkCount(BODY_BYTES_MAX);
const stored = {
  ref: hashSchema,
  bytes: z.number().int().min(1).max(BODY_BYTES_MAX),
  // Lengths are looked at before elements, as everywhere in a frame.
  chunks: z
    .custom<unknown[]>((value) => Array.isArray(value) && value.length <= CHUNKS_MAX, "not a list of an allowed length")
    .pipe(z.array(hashSchema)),
};
const hasItsChunks = ({ bytes, chunks }: StoredBody): boolean => chunks.length === chunkCount(bytes);
const WRONG_COUNT = "another number of chunks than its bytes have";

export const storedBodySchema: z.ZodType<StoredBody> = z.object(stored).refine(hasItsChunks, WRONG_COUNT);
export const bodyRefSchema: z.ZodType<BodyRef> = z
  .object({ ...stored, head: z.string().max(BODY_HEAD_LENGTH) })
  .refine(hasItsChunks, WRONG_COUNT);
