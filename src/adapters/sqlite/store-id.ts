import { keyTime } from "../../wire/message-id.ts";

/** Numbers of one entry in a block: hash, offset and run, the last two counted from the block's. */
export const BLOCK_FIELDS = 3;

/** Milliseconds of the id's key; 0 when it has none. */
export function idTime(id: string): number {
  return keyTime(id) ?? 0;
}

/** 32 bits; the id itself is compared afterwards. */
export function idHash(id: string, seed: number): number {
  return Bun.hash.xxHash32(id, seed);
}

export function secondOf(timeMs: number): number {
  return Math.floor(timeMs / 1_000);
}
