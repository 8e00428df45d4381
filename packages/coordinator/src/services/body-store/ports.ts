/** What the store of large texts needs of the world. */

/** Chunks on this coordinator's disk. */
export interface ChunkFiles {
  /** Resolves once the chunk is durable; rejects where the disk refuses. */
  write(hash: string, bytes: Uint8Array): Promise<void>;
  read(hash: string): { readonly kind: "whole"; readonly bytes: Uint8Array } | { readonly kind: "missing" | "damaged" };
  remove(hash: string): void;
  /** Parts of the store, and the chunks in one of them. */
  folders(): readonly string[];
  list(folder: string): readonly string[];
}

/** Chunks on another coordinator's disk; undefined where it has none, is down or does not answer in time. */
export interface ChunkPeers {
  readonly connected: boolean;
  fetchChunk(coordinator: string, hash: string, timeoutMs: number): Promise<Uint8Array | undefined>;
}
