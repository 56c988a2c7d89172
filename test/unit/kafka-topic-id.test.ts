import { expect, test } from "bun:test";
import { incarnationOf, topicIdOf } from "../../src/kafka/topic-id.ts";

test("a topic's id is an incarnation of at most 25 characters, and comes back", () => {
  for (const id of [
    "00000000-0000-0000-0000-000000000001",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "0193a5c2-7b1e-4f00-8d2c-00aa11bb22cc",
  ]) {
    const incarnation = incarnationOf(id);
    expect(incarnation).toMatch(/^[a-z0-9]{1,25}$/);
    expect(topicIdOf(incarnation)).toBe(id.replaceAll("-", ""));
    expect(incarnationOf(topicIdOf(incarnation))).toBe(incarnation);
  }
});
