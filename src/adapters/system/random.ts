import type { Random } from "../../ports/random.ts";

/**
 * The runtime's chance. UUIDs are Bun's: a counter keeps those of one millisecond in order, and 62
 * bits come from the system's secure source. `next` only spreads delays, so speed wins there.
 */
export function createSystemRandom(): Random {
  return {
    next: () => Math.random(),
    uuidv7: () => Bun.randomUUIDv7(),
  };
}
