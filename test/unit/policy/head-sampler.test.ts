import { expect, test } from "bun:test";
import { HeadSampler } from "../../../src/policy/head-sampler.ts";

/** A small congruential generator: tests are to be the same each time. */
function chance(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

function share(ratio: number, of: number): number {
  const sampler = new HeadSampler(ratio, chance(7));
  let taken = 0;
  for (let i = 0; i < of; i++) if (sampler.take()) taken++;
  return taken / of;
}

test("nothing is picked at 0 and everything at 1", () => {
  expect(share(0, 10_000)).toBe(0);
  expect(share(1, 10_000)).toBe(1);
});

test.each([0.01, 0.1, 0.5, 0.9])("a share of %d is picked", (ratio) => {
  expect(Math.abs(share(ratio, 200_000) - ratio)).toBeLessThan(ratio / 10);
});

test("the first message may be picked like any other", () => {
  let first = 0;
  for (let seed = 1; seed <= 1_000; seed++) {
    // The first numbers of neighbouring seeds are neighbours themselves.
    const random = chance(seed * 7_919);
    random();
    if (new HeadSampler(0.1, random).take()) first++;
  }
  expect(first).toBeGreaterThan(50);
  expect(first).toBeLessThan(200);
});
