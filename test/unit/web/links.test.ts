import { expect, test } from "bun:test";
import fc from "fast-check";
import { isEmojiOnly, piecesOf } from "../../../gateway/web/browser/links.ts";
import { cleanRoomName, roomHash, roomOfHash } from "../../../gateway/web/browser/room-name.ts";
import { conversationFault } from "../../../src/wire/name.ts";

test("finds addresses and leaves what ends the sentence", () => {
  const hrefs = (text: string): unknown[] => piecesOf(text).flatMap(({ href }) => href ?? []);
  expect(hrefs("see https://example.com/a?b=c#d, or (http://x.test/y).")).toEqual([
    "https://example.com/a?b=c#d",
    "http://x.test/y",
  ]);
  expect(hrefs("https://en.wikipedia.org/wiki/Tide_(sea)")).toEqual([
    "https://en.wikipedia.org/wiki/Tide_(sea)",
  ]);
  expect(hrefs("javascript:alert(1) ftp://x data:text/html,x example.com https://")).toEqual([]);
});

test("loses no character, and links to nothing but the web", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc
      .array(
        fc.constantFrom("https://", "http://a.b", ".", ")", "(", "<", " ", "é", "javascript:", '"'),
      )
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (input) => {
      const pieces = piecesOf(input);
      expect(pieces.map((piece) => piece.text).join("")).toBe(input);
      for (const { href } of pieces) if (href !== undefined) expect(href).toMatch(/^https?:\/\//);
    }),
  );
});

test("knows a message of a few emoji from text", () => {
  expect(["🎉", "👩‍👩‍👧 🎉".slice(0, 8), "👍🏽👍🏽👍🏽"].map(isEmojiOnly)).toEqual([true, true, true]);
  expect(["", "a", "🎉!", "🎉🎉🎉🎉", "12"].map(isEmojiOnly)).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
});

test("takes from an address, and from people, only rooms that the gateway takes", () => {
  expect(roomOfHash("")).toBe("general");
  expect(roomOfHash("#/%E0%A4%A")).toBe("general");
  expect(roomOfHash("#/caf%C3%A9%20%F0%9F%8C%8A")).toBe("café 🌊");
  expect(cleanRoomName("  # ops ")).toBe("ops");
  expect(cleanRoomName("é".repeat(101))).toBeUndefined();
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const name = cleanRoomName(text);
      if (name === undefined) return;
      expect(conversationFault(name)).toBeUndefined();
      expect(roomOfHash(roomHash(name))).toBe(name);
    }),
  );
});
