/**
 * Makes a view of Φ whole: a view is a pure function of the state, stored texts are read from disks and other coordinators. So the view is built
 * with what is at hand, what it asked for in vain is fetched, and it is built again, until nothing is missing.
 */
import { type Body, type BodyRef, limits, type StoredBody } from "@triad/protocol";

/** The text of a body, as an answer shows it: whole, or its beginning where the answer would grow too large. */
export type TextOf = (body: Body) => string;

/** @throws whatever `read` throws where a text cannot be had. */
export async function withWholeTexts<T>(build: (textOf: TextOf) => T, read: (body: StoredBody) => Promise<string>): Promise<T> {
  const known = new Map<string, string>();
  for (;;) {
    const missing = new Map<string, BodyRef>();
    let spent = 0;
    const built = build((body) => {
      if (typeof body === "string") return body;
      // Counted wherever it stands, since the answer holds it as often.
      if (spent + body.bytes > limits.VIEW_BODIES_BYTES_MAX) return body.head;
      spent += body.bytes;
      const text = known.get(body.ref);
      if (text === undefined) missing.set(body.ref, body);
      return text ?? body.head;
    });
    if (missing.size === 0) return built;
    for (const body of missing.values()) known.set(body.ref, await read(body));
  }
}
