import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { compileGrants } from "../../../src/policy/capability.ts";

const allows = (pattern: string, name: string): boolean =>
  compileGrants({ [pattern]: ["send"] }).allows("send", name);

/** The textbook definition, exponential but plainly right. */
function matches(pattern: string, name: string): boolean {
  if (pattern === "") return name === "";
  if (pattern[0] !== "*") return name[0] === pattern[0] && matches(pattern.slice(1), name.slice(1));
  for (let skip = 0; skip <= name.length; skip++) {
    if (matches(pattern.slice(1), name.slice(skip))) return true;
  }
  return false;
}

describe("compileGrants", () => {
  test.each([
    ["room-*", "room-", true],
    ["room-*", "room-7", true],
    ["room-*", "rooms", false],
    ["room-*", "my-room-7", false],
    ["*", "anything at all", true],
    ["*-eu", "room-eu", true],
    ["a*a", "a", false],
    ["a*a", "aa", true],
    ["a*b*c", "axxbyyc", true],
    ["a*b*c", "axxcyyb", false],
    ["ab*ba", "aba", false],
    ["room.1", "room11", false],
    ["room", "room", true],
    ["[a-z]+", "abc", false],
    ["räum-*", "räum-😀", true],
  ])("%s against %s is %p", (pattern, name, expected) => {
    expect(allows(pattern, name)).toBe(expected);
  });

  test("patterns mean what their definition says, for generated patterns and names", () => {
    const text = (chars: readonly string[], maxLength: number) =>
      fc.string({ unit: fc.constantFrom(...chars), maxLength });
    fc.assert(
      fc.property(text(["a", "b", "*"], 8), text(["a", "b"], 8), (pattern, name) => {
        expect(allows(pattern, name)).toBe(matches(pattern, name));
      }),
      { numRuns: 5_000 },
    );
  });

  test("a capability is allowed by any matching pattern, and only if that pattern has it", () => {
    const grants = compileGrants({ "room-*": ["subscribe"], "room-1": ["send", "history"] });
    expect(grants.allows("subscribe", "room-1")).toBe(true);
    expect(grants.allows("send", "room-1")).toBe(true);
    expect(grants.allows("send", "room-2")).toBe(false);
  });

  test("no capabilities allow nothing", () => {
    const grants = compileGrants({});
    expect(grants.allows("subscribe", "room-1")).toBe(false);
    expect(compileGrants({ "*": [] }).allows("send", "room-1")).toBe(false);
  });

  test("a pattern made to backtrack costs no more than its length allows", () => {
    const grants = compileGrants({ [`${"a*".repeat(99)}b`]: ["send"] });
    const name = "a".repeat(200);
    const startedMs = performance.now();
    for (let i = 0; i < 1_000; i++) expect(grants.allows("send", name)).toBe(false);
    // A backtracking matcher would take longer than the universe has existed for one of them.
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});
