import { expect, test } from "bun:test";
import fc from "fast-check";
import { Window } from "../../../src/chat/window.ts";

test("covers what is at most W offsets back", () => {
  const window = new Window(5);
  expect(window.covers(10, 15)).toBe(true);
  expect(window.covers(10, 16)).toBe(false);
});

test("finds an id where it was accepted last", () => {
  const window = new Window(5);
  window.accept("a", 1, "f");
  window.accept("b", 2, "f");
  window.accept("a", 9, "g");
  expect(window.find("a")).toEqual({ offset: 9, fingerprint: "g" });
  expect(window.size).toBe(2);
});

test("forgets what is both older than W and stored", () => {
  const window = new Window(5);
  for (let offset = 0; offset < 20; offset++) window.accept(`i${offset}`, offset, "f");
  window.forget(20, 0);
  expect(window.size).toBe(20);
  window.forget(20, 8);
  expect(window.find("i7")).toBeUndefined();
  expect(window.find("i8")).toBeDefined();
  window.forget(20, 20);
  expect(window.find("i14")).toBeUndefined();
  expect(window.find("i15")).toBeDefined();
});

test("an id that moved is kept by its new place", () => {
  const window = new Window(2);
  window.accept("a", 0, "f");
  window.accept("b", 1, "f");
  window.accept("a", 8, "f");
  window.forget(10, 10);
  expect(window.find("a")?.offset).toBe(8);
  expect(window.find("b")).toBeUndefined();
});

const step = fc.record({
  id: fc.nat(60),
  skip: fc.integer({ min: 1, max: 40 }),
  fingerprint: fc.nat(3),
  forget: fc.option(fc.nat(300), { freq: 4 }),
});

test("remembers what a map in order of acceptance remembers", () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 200, maxLength: 3_000 }),
      fc.constantFrom(5, 200, 4_000),
      (steps, offsets) => {
        const window = new Window(offsets, 3);
        const model = new Map<string, { offset: number; fingerprint: string }>();
        let offset = 0;
        for (const { id, skip, fingerprint, forget } of steps) {
          offset += skip;
          // Of different lengths, so that the bytes' ring turns in uneven steps.
          const name = `${(id * 31 + offset) % 900}-é${"x".repeat(id)}`;
          const accepted = { offset, fingerprint: "f".repeat(fingerprint + 1) };
          expect(window.find(name)).toEqual(model.get(name));
          window.accept(name, offset, accepted.fingerprint);
          model.delete(name);
          model.set(name, accepted);
          if (forget === null) continue;
          window.forget(offset + 1, offset - forget);
          const keepFrom = Math.min(offset + 1 - offsets, offset - forget);
          for (const [old, one] of model) if (one.offset < keepFrom) model.delete(old);
          expect(window.size).toBe(model.size);
        }
        for (const [id, accepted] of model) expect(window.find(id)).toEqual(accepted);
      },
    ),
    { numRuns: 30 },
  );
});
