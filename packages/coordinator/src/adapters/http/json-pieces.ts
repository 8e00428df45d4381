/**
 * JSON in pieces: a text of megabytes is escaped slice by slice, so that no answer holds up the process for longer than a piece takes. What the
 * pieces make together is what JSON.stringify makes of the whole. Kept apart from who sends them.
 */

/** UTF-16 units of a text that are escaped at once: well below a millisecond. */
const SLICE_LENGTH = 65_536;
/** Small pieces are put together up to this length. */
const PIECE_LENGTH = 65_536;
/** An answer with less text than this is made at once: it costs no more than its turn. */
const LARGE_LENGTH = 1_048_576;

/** True where the texts in a value make an answer that is better sent in pieces. */
export function isLarge(value: unknown): boolean {
  let left = LARGE_LENGTH;
  const look = (item: unknown): void => {
    if (left < 0) return;
    if (typeof item === "string") left -= item.length;
    else if (typeof item === "object" && item !== null) for (const inner of Object.values(item)) look(inner);
  };
  look(value);
  return left < 0;
}

/** The pieces of a value's JSON; what has no JSON is left out, as JSON.stringify does. */
export function* jsonPieces(value: unknown): Generator<string> {
  let piece = "";
  for (const part of partsOf(value)) {
    piece += part;
    if (piece.length < PIECE_LENGTH) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}

function* partsOf(value: unknown): Generator<string> {
  if (typeof value === "string") yield* textParts(value);
  else if (typeof value !== "object" || value === null) yield JSON.stringify(value) ?? "null";
  else if (Array.isArray(value)) yield* listParts(value);
  else yield* objectParts(value);
}

function* listParts(list: readonly unknown[]): Generator<string> {
  let open = "[";
  for (const item of list) {
    yield open;
    yield* partsOf(item);
    open = ",";
  }
  yield open === "[" ? "[]" : "]";
}

function* objectParts(object: object): Generator<string> {
  let open = "{";
  for (const [name, item] of Object.entries(object)) {
    if (item === undefined) continue;
    yield `${open}${JSON.stringify(name)}:`;
    yield* partsOf(item);
    open = ",";
  }
  yield open === "{" ? "{}" : "}";
}

function* textParts(text: string): Generator<string> {
  if (text.length <= SLICE_LENGTH) {
    yield JSON.stringify(text);
    return;
  }
  yield '"';
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + SLICE_LENGTH);
    // A pair of surrogates is one character: halves of it would be escaped each by itself.
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last < 0xdc00) end++;
    yield JSON.stringify(text.slice(start, end)).slice(1, -1);
    start = end;
  }
  yield '"';
}
