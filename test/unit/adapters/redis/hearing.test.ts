import { expect, test } from "bun:test";
import { Hearing } from "../../../../src/adapters/redis/hearing.ts";

const at = (count: number, ownerEpoch = 1) => ({ ownerEpoch, number: 1, count });
const beat = (counts: readonly number[], ownerEpoch = 1) => ({
  ownerEpoch,
  number: 1,
  publishedThrough: 1,
  storedThrough: 1,
  counts,
});

function hearing(...lanes: readonly number[]): Hearing {
  const made = new Hearing();
  for (const lane of lanes) made.begin(lane);
  return made;
}

test("a lane begins with whatever comes first, and then misses what is left out", () => {
  const one = hearing(0);
  expect(one.hear(0, at(7))).toBe(false);
  expect(one.hear(0, at(8))).toBe(false);
  expect(one.hear(0, at(10))).toBe(true);
  expect(one.hear(0, at(11))).toBe(false);
});

test("what comes again or late was not missed", () => {
  const one = hearing(0);
  for (const count of [1, 2, 2, 1]) expect(one.hear(0, at(count))).toBe(false);
  expect(one.hear(0, at(3))).toBe(false);
});

test("a beat shows what was missed on subscribed lanes, once", () => {
  const one = hearing(0, 2);
  one.hear(0, at(1));
  one.hear(2, at(1));
  expect(one.beat(beat([1, 99, 1]))).toBe(false);
  expect(one.beat(beat([1, 99, 2]))).toBe(true);
  expect(one.beat(beat([1, 99, 2]))).toBe(false);
});

test("a beat says where a lane begins that nothing came on", () => {
  const one = hearing(0);
  expect(one.beat(beat([5]))).toBe(false);
  expect(one.hear(0, at(6))).toBe(false);
  expect(one.hear(0, at(8))).toBe(true);
});

test("another owner counts anew, and what a former one says does not count", () => {
  const one = hearing(0);
  one.hear(0, at(50));
  expect(one.hear(0, at(2, 2))).toBe(false);
  expect(one.hear(0, at(60, 1))).toBe(false);
  expect(one.beat(beat([70], 1))).toBe(false);
  expect(one.hear(0, at(3, 2))).toBe(false);
});

test("a lane that was cut begins anew", () => {
  const one = hearing(0);
  one.hear(0, at(1));
  one.cut(0);
  expect(one.hear(0, at(9))).toBe(false);
});

test("joining a lane that is heard already keeps what is known of it", () => {
  const one = hearing(0);
  one.hear(0, at(1));
  one.begin(0);
  expect(one.hear(0, at(3))).toBe(true);
});

test("a lane that was left is of no concern", () => {
  const one = hearing(0);
  one.hear(0, at(1));
  one.end(0);
  expect(one.beat(beat([9]))).toBe(false);
});
