import { expect, test } from "bun:test";
import { Heads, type Head } from "../../../src/chat/heads.ts";

function head(offset: number): Head {
  return { tenant: "acme", conversation: "c", epoch: "e", seq: 1, offset };
}

test("keeps at most its bound of stored heads", () => {
  const heads = new Heads(10);
  for (let i = 0; i < 100; i++) {
    heads.set(`k${i}`, head(i));
    heads.forget(i);
  }
  expect(heads.size).toBeLessThanOrEqual(10);
  expect(heads.has("k99")).toBe(true);
});

test("never drops one whose last event is not stored", () => {
  const heads = new Heads(4);
  heads.set("unstored", head(50));
  for (let i = 0; i < 40; i++) {
    heads.set(`k${i}`, head(i));
    heads.forget(50);
  }
  expect(heads.get("unstored")?.offset).toBe(50);
});

test("one that came from the store counts as stored", () => {
  const heads = new Heads(4);
  heads.set("read", head(-1));
  for (let i = 0; i < 8; i++) {
    heads.set(`k${i}`, head(i));
    heads.forget(0);
  }
  expect(heads.has("read")).toBe(false);
});

test("a touched head outlives those that are not", () => {
  const heads = new Heads(4);
  heads.set("busy", head(-1));
  for (let i = 0; i < 20; i++) {
    heads.set(`k${i}`, head(-1));
    heads.get("busy");
    heads.forget(100);
  }
  expect(heads.has("busy")).toBe(true);
  expect(heads.has("k0")).toBe(false);
});
