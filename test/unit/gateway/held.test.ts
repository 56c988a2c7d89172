import { expect, test } from "bun:test";
import { Held } from "../../../gateway/held.ts";

test("gives the lines from a seq on as one frame's text", () => {
  const held = new Held();
  held.add(5, "five", 100);
  held.add(6, "six", 100);
  held.add(7, "seven", 100);
  expect(held.firstSeq).toBe(5);
  expect(held.textFrom(6)).toBe("six\nseven");
  expect(held.chars).toBe(12);
});

test("drops the oldest down to half when it is too much", () => {
  const held = new Held();
  for (let seq = 1; seq <= 11; seq++) held.add(seq, "0123456789", 100);
  expect(held.chars).toBeLessThanOrEqual(50);
  expect(held.firstSeq).toBe(7);
  expect(held.textFrom(7).split("\n")).toHaveLength(5);
});

test("a line beyond the bound by itself is not kept, and the next one begins anew", () => {
  const held = new Held();
  held.add(1, "x", 10);
  held.add(2, "x".repeat(11), 10);
  expect([held.empty, held.chars]).toEqual([true, 0]);
  held.add(3, "three", 10);
  expect([held.firstSeq, held.textFrom(3)]).toEqual([3, "three"]);
});

test("is empty after it was cleared", () => {
  const held = new Held();
  held.add(1, "one", 10);
  held.clear();
  expect([held.empty, held.chars]).toEqual([true, 0]);
  held.add(9, "nine", 10);
  expect(held.firstSeq).toBe(9);
});
