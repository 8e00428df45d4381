/**
 * Walks a msgpack frame without building anything, and refuses what a decoder should never be asked to build: lengths beyond the frame's end
 * (a claimed array of 2^32 would be allocated before it is missed), extension types, keys that pollute a prototype, nesting past a bound.
 * Kept apart from decoding so that the library's decoder only ever sees frames that are cheap to decode.
 */

export type ScanVerdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };

const refuse = (reason: string): ScanVerdict => ({ ok: false, reason });
const OK: ScanVerdict = { ok: true };
const FORBIDDEN_KEYS = ["__proto__", "constructor", "prototype"];

/**
 * Checks that `bytes` is exactly one msgpack value within `depthMax` levels and `containersMax` lists and maps. Cost: one pass, no allocation
 * that grows with the frame.
 */
export function scanMsgpack(bytes: Uint8Array, depthMax: number, containersMax: number): ScanVerdict {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Values still to come at each open level; a map counts keys and values. */
  const pending: number[] = [1];
  /** Whether that level is a map: then an even number of pending values means that a key is next. */
  const isMap: boolean[] = [false];
  let at = 0;
  let containers = 0;
  while (pending.length > 0) {
    const level = pending.length - 1;
    const left = pending[level] ?? 0;
    if (left === 0) {
      pending.pop();
      isMap.pop();
      continue;
    }
    pending[level] = left - 1;
    const isKey = isMap[level] === true && left % 2 === 0;
    const item = readHead(bytes, view, at);
    if (typeof item === "string") return refuse(item);
    if (isKey) {
      if (item.kind !== "text") return refuse("a map key that is not text");
      if (isForbidden(bytes, item.end - item.size, item.size)) return refuse("a forbidden key");
    }
    at = item.end;
    if (item.kind !== "container") continue;
    // Each element takes at least one byte, so a longer claim than what is left is a lie.
    if (item.size > bytes.length - at) return refuse("a length beyond the end of the frame");
    if (pending.length > depthMax) return refuse("nested too deeply");
    if (++containers > containersMax) return refuse("too many lists and objects");
    pending.push(item.size);
    isMap.push(item.map);
  }
  return at === bytes.length ? OK : refuse("bytes are left over");
}

type Head =
  | { readonly kind: "scalar" | "text"; readonly end: number; readonly size: number }
  | { readonly kind: "container"; readonly end: number; readonly size: number; readonly map: boolean };

const scalar = (end: number): Head => ({ kind: "scalar", end, size: 0 });
const container = (end: number, size: number, map: boolean): Head => ({ kind: "container", end, size: map ? size * 2 : size, map });

function readHead(bytes: Uint8Array, view: DataView, at: number): Head | string {
  const tag = bytes[at];
  if (tag === undefined) return "cut off";
  if (tag < 0x80 || tag >= 0xe0) return scalar(at + 1);
  if (tag < 0x90) return container(at + 1, tag & 15, true);
  if (tag < 0xa0) return container(at + 1, tag & 15, false);
  if (tag < 0xc0) return sized("text", bytes, at + 1, tag & 31);
  const width = WIDTHS[tag];
  if (width === undefined) return tag === 0xc1 ? "a byte that msgpack never uses" : "an extension type";
  if (at + 1 + width.bytes > bytes.length) return "cut off";
  if (width.kind === "scalar") return scalar(at + 1 + width.bytes);
  const size = width.bytes === 1 ? view.getUint8(at + 1) : width.bytes === 2 ? view.getUint16(at + 1) : view.getUint32(at + 1);
  const start = at + 1 + width.bytes;
  if (width.kind === "list" || width.kind === "map") return container(start, size, width.kind === "map");
  return sized(width.kind, bytes, start, size);
}

function sized(kind: "text" | "bytes", bytes: Uint8Array, start: number, size: number): Head | string {
  if (size > bytes.length - start) return "a length beyond the end of the frame";
  return { kind: kind === "text" ? "text" : "scalar", end: start + size, size };
}

type Width = { readonly kind: "scalar" | "text" | "bytes" | "list" | "map"; readonly bytes: number };

/** Bytes after the tag: of the value for scalars, of the length for the rest. Extension types stand in no row, so they are refused. */
const WIDTHS: Readonly<Record<number, Width>> = {
  192: { kind: "scalar", bytes: 0 }, // nil
  194: { kind: "scalar", bytes: 0 }, // false
  195: { kind: "scalar", bytes: 0 }, // true
  196: { kind: "bytes", bytes: 1 },
  197: { kind: "bytes", bytes: 2 },
  198: { kind: "bytes", bytes: 4 },
  202: { kind: "scalar", bytes: 4 }, // float 32
  203: { kind: "scalar", bytes: 8 }, // float 64
  204: { kind: "scalar", bytes: 1 }, // uint 8 … 64
  205: { kind: "scalar", bytes: 2 },
  206: { kind: "scalar", bytes: 4 },
  207: { kind: "scalar", bytes: 8 },
  208: { kind: "scalar", bytes: 1 }, // int 8 … 64
  209: { kind: "scalar", bytes: 2 },
  210: { kind: "scalar", bytes: 4 },
  211: { kind: "scalar", bytes: 8 },
  217: { kind: "text", bytes: 1 },
  218: { kind: "text", bytes: 2 },
  219: { kind: "text", bytes: 4 },
  220: { kind: "list", bytes: 2 },
  221: { kind: "list", bytes: 4 },
  222: { kind: "map", bytes: 2 },
  223: { kind: "map", bytes: 4 },
};

function isForbidden(bytes: Uint8Array, start: number, size: number): boolean {
  return FORBIDDEN_KEYS.some((key) => {
    if (key.length !== size) return false;
    for (let i = 0; i < size; i++) if (bytes[start + i] !== key.charCodeAt(i)) return false;
    return true;
  });
}
