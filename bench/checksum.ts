/**
 * Which checksum the log's records carry: CRC-32 of node:zlib (native) beside CRC-32C in JavaScript (slicing by 8, as fast as it gets
 * without an add-on). Prints time and throughput by record size.
 *
 *     node bench/checksum.ts
 */
import { crc32 } from "node:zlib";

const CASTAGNOLI = 0x82f63b78;
const BYTES_PER_SIZE = 4e7;
const SIZES: readonly number[] = [128, 1024, 8192, 65_536];

/** tables[k][b]: the remainder of byte b followed by k zero bytes. */
const tables: readonly Uint32Array[] = (() => {
  const first = Uint32Array.from({ length: 256 }, (_, byte) => {
    let remainder = byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder & 1) === 1 ? CASTAGNOLI ^ (remainder >>> 1) : remainder >>> 1;
    return remainder;
  });
  const all = [first];
  for (let k = 1; k < 8; k++) all.push(all[k - 1]!.map((before) => (before >>> 8) ^ first[before & 255]!));
  return all;
})();

function crc32c(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  let crc = 0xffffffff;
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    const low = t7[crc & 255]! ^ t6[(crc >>> 8) & 255]! ^ t5[(crc >>> 16) & 255]! ^ t4[crc >>> 24]!;
    crc = low ^ t3[bytes[at + 4]!]! ^ t2[bytes[at + 5]!]! ^ t1[bytes[at + 6]!]! ^ t0[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) crc = t0[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

// The check values that the two polynomials are published with.
const check = new TextEncoder().encode("123456789");
if (crc32(check) !== 0xcbf43926 || crc32c(check) !== 0xe3069283) throw new Error("a checksum is wrong");

function microseconds(checksum: (bytes: Uint8Array) => number, size: number): number {
  const record = new Uint8Array(size).map((_, i) => (i * 31) & 255);
  const rounds = Math.ceil(BYTES_PER_SIZE / size);
  for (let i = 0; i < rounds / 10; i++) checksum(record);
  const start = performance.now();
  for (let i = 0; i < rounds; i++) checksum(record);
  return ((performance.now() - start) * 1000) / rounds;
}

console.log("record bytes   crc32 µs (MB/s)   crc32c µs (MB/s)");
for (const size of SIZES) {
  const [native, script] = [microseconds(crc32, size), microseconds(crc32c, size)];
  const cell = (us: number): string => `${us.toFixed(2)} (${(size / us).toFixed(0)})`.padStart(18);
  console.log(`${String(size).padStart(12)}${cell(native)}${cell(script)}`);
}
