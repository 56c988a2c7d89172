import { expect, test } from "bun:test";
import { splitPool, type PoolShares } from "../../../cli/cluster/open.ts";
import { limitsWith } from "../../../src/limits.ts";

const sum = ({ write, read, publish, shared }: PoolShares): number =>
  write + read + publish + shared;

test("the shares of a process are all of its connections, and each use has one at least", () => {
  for (const publishes of [false, true])
    for (let max = 1; max <= 100; max++) {
      const pool = splitPool(max, publishes);
      expect(sum(pool)).toBe(Math.max(max, publishes ? 4 : 3));
      expect(Math.min(pool.write, pool.read, pool.shared)).toBeGreaterThanOrEqual(1);
    }
});

test("only who publishes the outbox has connections for it, a fifth of them all", () => {
  expect(splitPool(10, false)).toEqual({ write: 4, read: 4, publish: 0, shared: 2 });
  expect(splitPool(10, true)).toEqual({ write: 4, read: 2, publish: 2, shared: 2 });
  expect(splitPool(80, true).publish).toBe(limitsWith().outboxPartitionsMax);
});
