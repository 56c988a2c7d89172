import { expect, test } from "bun:test";
import fc from "fast-check";
import { clusterSlot, readClusterMap } from "../../../../src/adapters/redis/cluster-map.ts";
import { laneOf, Names, TAGS } from "../../../../src/adapters/redis/names.ts";

const names = new Names("tg", 4);

test("different parts never make the same name, whatever their characters", () => {
  const part = fc.string({ unit: "grapheme", maxLength: 12 });
  const parts = fc.tuple(part, part);
  fc.assert(
    fc.property(parts, parts, ([a, b], [c, d]) => {
      const same = a === c && b === d;
      expect(names.budget(a, b).name === names.budget(c, d).name).toBe(same);
    }),
  );
  const hostile = ["a", "a:b", "a}b", "{a}", "a%3Ab", "a%", "", "*", "acme.dlq", "a b", "ä", "a/b"];
  const made = new Set(
    hostile.flatMap((tenant) => hostile.map((name) => names.budget(tenant, name).name)),
  );
  expect(made.size).toBe(hostile.length ** 2);
});

test("kinds of names never meet", () => {
  const tag = names.partitionTag("t", 1);
  const made = [
    names.lane(tag, "t", 1, 0),
    names.lane(tag, "t", 10, 0),
    names.lane(tag, "t", 1, 1),
    names.beats(tag, "t", 1),
    names.questions(tag, "t", 1),
    names.user("t", "1", 1).name,
    names.budget("t", "1").name,
    names.probe(tag, "t"),
    new Names("tg", 8).lane(tag, "t", 1, 0),
    new Names("th", 4).lane(tag, "t", 1, 0),
  ];
  expect(new Set(made).size).toBe(made.length);
});

test("the tag of a name is the first thing in braces, as Redis reads it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (tenant) => {
      const { tag, name } = names.budget(tenant, "sends");
      expect(/\{([^}]*)\}/.exec(name)?.[1]).toBe(String(tag));
      expect(tag).toBeLessThan(TAGS);
    }),
  );
});

test("everything of one partition is on one node", () => {
  const tag = names.partitionTag("chat.messages.acme", 3);
  const all = [
    names.lane(tag, "chat.messages.acme", 3, 2),
    names.beats(tag, "chat.messages.acme", 3),
    names.questions(tag, "chat.messages.acme", 3),
  ];
  for (const name of all) expect(name).toContain(`{${tag}}`);
});

test("a prefix that could end too early is refused", () => {
  for (const prefix of ["", "a:b", "a{b", "ä", "x".repeat(41)])
    expect(() => new Names(prefix, 1)).toThrow(RangeError);
});

test("conversations spread evenly over lanes, and stay on theirs", () => {
  const counts = Array.from({ length: 16 }, () => 0);
  for (let i = 0; i < 16_000; i++) {
    const lane = laneOf("acme", `room-${i}`, 16);
    counts[lane] = (counts[lane] ?? 0) + 1;
  }
  for (const count of counts) expect(count).toBeWithin(800, 1_200);
  // Fixed for ever: processes of different versions have to agree.
  expect([laneOf("acme", "general", 16), laneOf("acme", "räum 😀", 16)]).toEqual([6, 6]);
  expect(names.partitionTag("chat.messages.acme", 3)).toBe(155);
});

test("slots are Redis' own", () => {
  // Of the cluster specification, and CLUSTER KEYSLOT.
  expect(clusterSlot("123456789")).toBe(0x31c3);
  expect(clusterSlot("foo")).toBe(12182);
  expect(clusterSlot("")).toBe(0);
});

test("tags spread over a cluster's nodes", () => {
  const nodes = readClusterMap(
    [
      [0, 5460, ["10.0.0.1", 7000, "a"], ["10.0.0.9", 7009, "replica"]],
      [5461, 10922, ["", 7001, "b"]],
      [10923, 16383, [null, 7002, "c"]],
    ],
    { host: "asked", port: 1 },
  );
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const key = `${node?.host}:${node?.port}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect([...counts.keys()].toSorted()).toEqual(["10.0.0.1:7000", "asked:7001", "asked:7002"]);
  for (const count of counts.values()) expect(count).toBeGreaterThan(TAGS / 5);
});

test("an answer that is no map leaves every tag without a node", () => {
  for (const answer of [undefined, "x", [], [[0, 16383]], [["a"]]])
    expect(readClusterMap(answer, { host: "h", port: 1 }).every((node) => node === undefined)).toBe(
      true,
    );
});
