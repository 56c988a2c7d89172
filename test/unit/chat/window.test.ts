import { expect, test } from "bun:test";
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
