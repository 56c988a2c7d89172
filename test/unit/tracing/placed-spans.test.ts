import { expect, test } from "bun:test";
import { PlacedSpans } from "../../../src/tracing/placed-spans.ts";

function open() {
  const made: string[] = [];
  const spans = new PlacedSpans("relay", (topic, partition) => {
    made.push(`${topic}/${partition}`);
    return { partition };
  });
  return { made, spans };
}

test("what the spans of a partition have in common is made once", () => {
  const { made, spans } = open();
  const first = spans.of("chat.messages.acme", 3);
  expect(first).toEqual({ name: "relay chat.messages.{tenant}", shared: { partition: 3 } });
  expect(spans.of("chat.messages.acme", 3)).toBe(first);
  expect(spans.of("chat.messages.acme", 4).shared).toEqual({ partition: 4 });
  expect(spans.of("chat.messages.other", 3).shared).not.toBe(first.shared);
  expect(made).toEqual(["chat.messages.acme/3", "chat.messages.acme/4", "chat.messages.other/3"]);
});

test("more partitions than a process has do not stay for ever", () => {
  const { made, spans } = open();
  for (let i = 0; i < 4_096; i++) spans.of(`chat.messages.t${i % 64}`, i);
  spans.of("chat.messages.t0", 0);
  expect(made).toHaveLength(4_096);
  spans.of("chat.messages.t0", 9_999);
  spans.of("chat.messages.t0", 0);
  expect(made.slice(4_096)).toEqual(["chat.messages.t0/9999", "chat.messages.t0/0"]);
});
