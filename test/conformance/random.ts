import { describe, expect, test } from "bun:test";
import type { Random } from "../../src/ports/random.ts";
import { keyFault } from "../../src/wire/key.ts";
import { keyTime } from "../../src/wire/message-id.ts";

/** Every sentence of the port `random`, for one adapter that is not seeded. */
export function randomConformance(name: string, create: () => Random) {
  const random = create();
  describe(`random: ${name}`, () => {
    test("UUIDs are of version 7, carry the present time, and are good message keys", () => {
      const beforeMs = Date.now();
      const uuid = random.uuidv7();
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(keyTime(uuid)).toBeWithin(beforeMs, Date.now() + 1);
      expect(keyFault(uuid)).toBeUndefined();
    });

    test("UUIDs never repeat, and those of one process are in order of their making", () => {
      const uuids = Array.from({ length: 50_000 }, () => random.uuidv7());
      expect(new Set(uuids).size).toBe(uuids.length);
      const times = uuids.map((uuid) => keyTime(uuid) ?? 0);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    test("the last 62 bits of a UUID are spread over all values", () => {
      const ones = Array.from({ length: 62 }, () => 0);
      const rounds = 4_000;
      for (let i = 0; i < rounds; i++) {
        const tail = BigInt(`0x${random.uuidv7().slice(19).replaceAll("-", "")}`);
        for (let bit = 0; bit < 62; bit++) {
          if ((tail >> BigInt(bit)) & 1n) ones[bit] = (ones[bit] ?? 0) + 1;
        }
      }
      // Eight standard deviations (31.6) of a fair coin: a sound source fails once in 10^13 runs.
      for (const count of ones) expect(count).toBeWithin(rounds / 2 - 253, rounds / 2 + 253);
    });

    test("chance is at least 0 and below 1", () => {
      for (let i = 0; i < 1_000; i++) expect(random.next()).toBeWithin(0, 1);
    });
  });
}
