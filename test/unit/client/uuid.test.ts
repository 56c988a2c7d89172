import { expect, test } from "bun:test";
import { fullJitterMs } from "../../../src/client/backoff.ts";
import { systemRandom } from "../../../src/client/platform.ts";
import { uuidv7 } from "../../../src/client/uuid.ts";
import { keyFault } from "../../../src/wire/key.ts";
import { keyTime } from "../../../src/wire/message-id.ts";

test("a key is a version 7 UUID with its time, as RFC 9562 writes it", () => {
  const random = Uint8Array.from([0xc, 0xc3, 0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
  // The example of RFC 9562, A.6.
  expect(uuidv7(0x017f22e279b0, random)).toBe("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
});

test("keys differ and are strong enough for the server", () => {
  const keys = new Set(Array.from({ length: 1_000 }, () => systemRandom.uuidv7()));
  expect(keys.size).toBe(1_000);
  for (const key of keys) expect(keyFault(key)).toBeUndefined();
  expect(Math.abs((keyTime([...keys][0] ?? "") ?? 0) - Date.now())).toBeLessThan(5_000);
});

test("a wait lies between nothing and the growing cap", () => {
  const options = { baseMs: 100, capMs: 1_000 };
  expect([0, 1, 2, 3, 4, 99].map((attempt) => fullJitterMs(attempt, 0.5, options))).toEqual([
    50, 100, 200, 400, 500, 500,
  ]);
  expect(fullJitterMs(5, 0, options)).toBe(0);
});
