import { expect, test } from "bun:test";
import { choosePool, POOLS, POOL_TENANTS } from "../../../../src/adapters/postgres/pool-choice.ts";

function fill(tenants: number, counts: number[] = Array.from({ length: POOLS }, () => 0)) {
  for (let i = 0; i < tenants; i++) {
    const number = choosePool((n) => counts[n - 1] as number);
    counts[number - 1] = (counts[number - 1] as number) + 1;
  }
  return counts;
}

test("shared topics are filled one after the other", () => {
  expect(fill(1)).toEqual([1, 0, 0, 0]);
  expect(fill(POOL_TENANTS)).toEqual([POOL_TENANTS, 0, 0, 0]);
  expect(fill(2 * POOL_TENANTS + 3)).toEqual([POOL_TENANTS, POOL_TENANTS, 3, 0]);
});

test("tenants beyond what fills all shared topics are spread over them evenly", () => {
  const more = POOL_TENANTS + 5;
  expect(fill(POOLS * more)).toEqual([more, more, more, more]);
});

test("a topic that has room again comes first", () => {
  expect(fill(2, [POOL_TENANTS, POOL_TENANTS - 1, 9, 0])).toEqual([
    POOL_TENANTS,
    POOL_TENANTS,
    10,
    0,
  ]);
});
