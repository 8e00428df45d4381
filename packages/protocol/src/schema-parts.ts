/**
 * The smallest parts of the schemas: texts, numbers, names, bytes, lists and tables, each with its bound. Kept apart from what they are put
 * together to (schemas.ts).
 */
import { z } from "zod";
import { isId, isToken } from "./ids.ts";
import { isJson, type Json } from "./json.ts";

export const text = (max: number): z.ZodString => z.string().max(max);
export const optional = <T extends z.ZodType>(type: T): z.ZodExactOptional<T> => z.exactOptional(type);
export const whole: z.ZodNumber = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
export const finite: z.ZodNumber = z.number();
export const share: z.ZodNumber = z.number().min(0).max(1);
export const id: z.ZodString = z.string().refine(isId, "not an id");
export const token: z.ZodString = z.string().refine(isToken, "not a name");
/** Plain Uint8Arrays, whatever the decoder made: a Buffer's `slice` would share memory where a Uint8Array's copies. */
const bytes = (fits: (length: number) => boolean, problem: string): z.ZodType<Uint8Array> =>
  z
    .custom<Uint8Array>((value) => value instanceof Uint8Array && fits(value.length), problem)
    .transform((value) => new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
export const bytesMax = (max: number): z.ZodType<Uint8Array> => bytes((length) => length <= max, "not bytes, or too many");
export const vectorOf = (dim: number): z.ZodType<Uint8Array> => bytes((length) => length === dim, "not a vector");
export const json: z.ZodType<Json> = z.custom<Json>((value) => isJson(value), "not JSON");

// Lengths are looked at before elements: a million bad elements would otherwise make a million issues, many times the frame's own size.
export const list = <T>(item: z.ZodType<T>, max: number, min = 0): z.ZodType<T[]> =>
  z
    .custom<unknown[]>((value) => Array.isArray(value) && value.length >= min && value.length <= max, "not a list of an allowed length")
    .pipe(z.array(item));
export const table = <T>(key: z.ZodType<string, string>, value: z.ZodType<T>, max: number): z.ZodType<Record<string, T>> =>
  z
    .custom<Record<string, unknown>>(
      (entries) => typeof entries === "object" && entries !== null && !Array.isArray(entries) && Object.keys(entries).length <= max,
      "not a table of an allowed size",
    )
    .pipe(z.record(key, value));
