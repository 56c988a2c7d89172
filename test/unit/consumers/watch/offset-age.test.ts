import { describe, expect, test } from "bun:test";
import { OffsetAge } from "../../../../consumers/watch/offset-age.ts";

describe("the age of an offset", () => {
  test("is the time since the log's end was there", () => {
    const age = new OffsetAge();
    for (const [end, at] of [
      [10, 1_000],
      [10, 2_000],
      [20, 3_000],
      [40, 4_000],
    ] as const)
      age.see(end, at);
    expect(age.of(40, 4_500)).toBe(0);
    expect(age.of(30, 4_500)).toBe(1_000);
    expect(age.of(20, 4_500)).toBe(1_500);
    // Nothing came before 2 s, so the record at 10 cannot be older than that.
    expect(age.of(10, 4_500)).toBe(2_500);
  });

  test("grows while neither the end nor the position moves", () => {
    const age = new OffsetAge();
    age.see(10, 0);
    age.see(15, 1_000);
    for (let at = 2_000; at <= 60_000; at += 1_000) age.see(15, at);
    expect(age.of(10, 60_000)).toBe(60_000);
  });

  test("of what was there before the first look is the time since that look", () => {
    const age = new OffsetAge();
    age.see(100, 5_000);
    age.see(100, 9_000);
    expect(age.of(3, 9_000)).toBe(4_000);
    expect(age.covers(3)).toBe(false);
    expect(age.covers(100)).toBe(true);
  });

  test("stays near the truth for a position so far behind that ends were given up", () => {
    const age = new OffsetAge(8);
    for (let second = 0; second <= 1_000; second++) age.see(second * 10, second * 1_000);
    expect(age.of(2_000, 1_000_000)).toBeWithin(790_000, 810_000);
  });

  test("begins anew when the log is another one", () => {
    const age = new OffsetAge();
    age.see(100, 0);
    age.see(5, 1_000);
    expect(age.end).toBe(5);
    expect(age.of(3, 1_500)).toBe(500);
  });
});
