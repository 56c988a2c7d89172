/** Rate from which on latency gives way to larger pieces, in bytes a millisecond. */
const BUSY_BYTES_PER_MS = 20 * 1024;
const STRETCH_MAX = 4;

/**
 * By how much to stretch the time between two fetches, which cost much the same however much they bring. It
 * rises with the square of the rate: up to a good load there are cores to spare, and what they are best
 * spent on is latency; near the most that a machine does, each fetch that is not made counts.
 * @param bytes that the last fetch brought
 * @param ms between it and the one before it
 * @returns 1 to {@link STRETCH_MAX}
 */
export function stretchOf(bytes: number, ms: number): number {
  const busy = bytes / (Math.max(ms, 1) * BUSY_BYTES_PER_MS);
  return Math.min(STRETCH_MAX, Math.max(1, busy * busy));
}
