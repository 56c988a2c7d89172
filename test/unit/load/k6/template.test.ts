import { expect, test } from "bun:test";
import { isSendReply, keyTime, Template } from "../../../../load/k6/lib/template.ts";
import { sendSchema } from "../../../../src/wire/command.ts";

const NOW = Date.UTC(2026, 10, 21, 12);
const ORIGIN = { run: 7, vu: 3, sender: 25 };

function keysOf(text: string): string[] {
  return text.split("\n").map((line) => {
    const command = JSON.parse(line) as { send: unknown };
    return sendSchema.parse(command.send).key;
  });
}

test("a frame's lines are commands with keys of their own that say when they were due", () => {
  const keys = keysOf(Template.frames(ORIGIN, "k6-a", 100).make(NOW));
  expect(new Set(keys).size).toBe(100);
  expect(keys.every((key) => keyTime(key) === NOW)).toBe(true);
  expect(keys[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("frames of other times, senders, virtual users and runs share no key", () => {
  const frames = [
    Template.frames(ORIGIN, "k6-a", 10).make(NOW),
    Template.frames(ORIGIN, "k6-a", 10).make(NOW + 1),
    Template.frames({ ...ORIGIN, sender: 26 }, "k6-a", 10).make(NOW),
    Template.frames({ ...ORIGIN, vu: 4 }, "k6-a", 10).make(NOW),
    Template.frames({ ...ORIGIN, run: 8 }, "k6-a", 10).make(NOW),
  ];
  expect(new Set(frames.flatMap(keysOf)).size).toBe(50);
});

test("lines for many conversations take turns among them", () => {
  const text = Template.events(ORIGIN, ["a", "b", "c"], 6).make(NOW);
  const names = text
    .split("\n")
    .map((line) => (JSON.parse(line) as { send: { conversation: string } }).send.conversation);
  expect(names).toEqual(["a", "b", "c", "a", "b", "c"]);
  expect(new Set(keysOf(text)).size).toBe(6);
});

test("replies to sends are told from all others", () => {
  const { id } = JSON.parse(Template.frames(ORIGIN, "a", 2).make(NOW).split("\n")[1] ?? "") as {
    id: number;
  };
  expect(isSendReply(`{"id":${id},"send":{"message":"x"}}`)).toBe(true);
  expect(isSendReply(`{"id":${id},"error":{"code":"x"}}`)).toBe(true);
  expect(isSendReply('{"id":1,"connect":{"connection":"x"}}')).toBe(false);
  expect(isSendReply('{"id":12,"subscribe":{"epoch":"x"}}')).toBe(false);
  expect(isSendReply("{}")).toBe(false);
});

test("a key that is none of ours has no time", () => {
  expect(keyTime("no-key-of-this-load")).toBeNaN();
});
