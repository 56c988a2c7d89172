import { expect, test } from "bun:test";
import {
  assignSticky,
  type Partitions,
  type SharedTopic,
  type StickyMember,
  type StickyPlan,
} from "../../../src/policy/sticky-assignment.ts";

const NONE: Partitions = new Map();

function member(
  name: string,
  topics: readonly string[],
  owned: Partitions = NONE,
  generation = 1,
): StickyMember {
  return { name, topics: new Set(topics), owned, generation };
}

function topic(name: string, partitions: number): SharedTopic {
  return { name, partitions };
}

function counts(plan: StickyPlan): Record<string, number> {
  return Object.fromEntries(
    [...plan.assigned].map(([name, parts]) => [
      name,
      [...parts.values()].reduce((sum, list) => sum + list.length, 0),
    ]),
  );
}

function sizes(plan: StickyPlan): readonly number[] {
  return Object.values(counts(plan)).toSorted((a, b) => a - b);
}

/** The members as they are when everyone has taken and let go what the plan says. */
function after(plan: StickyPlan, members: readonly StickyMember[], generation = 2): StickyMember[] {
  return members.map((m) => ({ ...m, owned: plan.assigned.get(m.name) ?? NONE, generation }));
}

/** Rounds until nothing is withheld. */
function settle(topics: readonly SharedTopic[], members: readonly StickyMember[]) {
  let plan = assignSticky(topics, members);
  let now = after(plan, members);
  for (let round = 0; !plan.settled; round++) {
    expect(round).toBeLessThan(3);
    plan = assignSticky(topics, now);
    now = after(plan, now);
  }
  return { plan, members: now };
}

test("a topic's partitions are shared evenly, each once", () => {
  const members = ["a", "b", "c"].map((name) => member(name, ["t"]));
  const plan = assignSticky([topic("t", 8)], members);
  const all = [...plan.assigned.values()].flatMap((parts) => [...(parts.get("t") ?? [])]);
  expect(all.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(sizes(plan)).toEqual([2, 3, 3]);
  expect(plan.settled).toBe(true);
});

test("the order of members and topics does not change the result", () => {
  const members = ["a", "b", "c"].map((name) => member(name, ["t", "u", "v"]));
  const topics = [topic("t", 5), topic("u", 4), topic("v", 1)];
  const one = assignSticky(topics, members);
  const other = assignSticky(topics.toReversed(), members.toReversed());
  expect(other).toEqual(one);
});

test("a new member gets nothing that another still holds, and all of it a round later", () => {
  const topics = [topic("t", 8)];
  const before = settle(topics, [member("a", ["t"])]).members;
  const joined = [...before, member("b", ["t"])];
  const first = assignSticky(topics, joined);
  expect(counts(first)).toEqual({ a: 4, b: 0 });
  expect(first.settled).toBe(false);
  const second = assignSticky(topics, after(first, joined));
  expect(counts(second)).toEqual({ a: 4, b: 4 });
  expect(second.settled).toBe(true);
  expect(second.assigned.get("a")).toEqual(first.assigned.get("a") as Partitions);
});

test("a partition that its owner is slow to let go holds up no other", () => {
  const topics = [topic("t", 4)];
  const slow = member("a", ["t"], new Map([["t", [0, 1, 2]]]));
  const plan = assignSticky(topics, [slow, member("b", ["t"])]);
  expect(plan.assigned.get("a")?.get("t")).toHaveLength(2);
  expect(plan.assigned.get("b")?.get("t")).toEqual([3]);
  expect(plan.settled).toBe(false);
});

test("when a member leaves, the others keep what they have", () => {
  const topics = [topic("t", 9), topic("u", 4)];
  const members = ["a", "b", "c"].map((name) => member(name, ["t", "u"]));
  const settled = settle(topics, members).members;
  const rest = settled.filter((m) => m.name !== "b");
  const plan = assignSticky(topics, rest);
  expect(plan.settled).toBe(true);
  for (const m of rest)
    for (const [name, partitions] of m.owned)
      for (const partition of partitions)
        expect(plan.assigned.get(m.name)?.get(name)).toContain(partition);
  expect(sizes(plan)).toEqual([6, 7]);
});

test("many topics of one partition are shared evenly, also when a member comes", () => {
  const topics = Array.from({ length: 1_000 }, (_, i) => topic(`t${i}`, 1));
  const names = topics.map((t) => t.name);
  const two = settle(topics, [member("a", names), member("b", names)]).members;
  const three = settle(topics, [...two, member("c", names)]);
  expect(sizes(three.plan)).toEqual([333, 333, 334]);
  let moved = 0;
  for (const m of two)
    for (const name of m.owned.keys()) if (!three.plan.assigned.get(m.name)?.has(name)) moved++;
  expect(moved).toBeLessThanOrEqual(334);
});

test("a settled group is left as it is", () => {
  const topics = [topic("t", 7), topic("u", 3), topic("v", 1)];
  const members = ["a", "b", "c", "d"].map((name) => member(name, ["t", "u", "v"]));
  const { plan, members: settled } = settle(topics, members);
  const again = assignSticky(topics, settled);
  expect(again.settled).toBe(true);
  for (const [name, parts] of again.assigned)
    expect(Object.fromEntries(parts)).toEqual(
      Object.fromEntries(plan.assigned.get(name) as Partitions),
    );
});

test("topics that a member does not read are not given to it", () => {
  const plan = assignSticky(
    [topic("t", 4), topic("u", 2)],
    [member("a", ["t", "u"]), member("b", ["t"])],
  );
  expect(plan.assigned.get("b")?.has("u")).toBe(false);
  expect(plan.assigned.get("a")?.get("u")).toEqual([0, 1]);
});

test("what a member holds but does not read any more is withheld until it lets go", () => {
  const held = member("a", [], new Map([["t", [0]]]));
  const plan = assignSticky([topic("t", 1)], [held, member("b", ["t"])]);
  expect(plan.assigned.get("a")?.has("t")).toBe(false);
  expect(plan.assigned.get("b")?.has("t")).toBe(false);
  expect(plan.settled).toBe(false);
});

test("of two claims the later generation's counts", () => {
  const zombie = member("a", ["t"], new Map([["t", [0, 1]]]), 3);
  const owner = member("b", ["t"], new Map([["t", [0]]]), 4);
  const plan = assignSticky([topic("t", 2)], [zombie, owner]);
  expect(plan.assigned.get("b")?.get("t")).toEqual([0]);
  expect(plan.assigned.get("a")?.get("t")).toEqual([1]);
});

test("a claim to a partition that is not there is ignored", () => {
  const plan = assignSticky([topic("t", 1)], [member("a", ["t"], new Map([["t", [0, 5]]]))]);
  expect(plan.assigned.get("a")?.get("t")).toEqual([0]);
});

test("a topic that nobody reads belongs to nobody", () => {
  const plan = assignSticky([topic("t", 2)], [member("a", ["u"])]);
  expect(counts(plan)).toEqual({ a: 0 });
  expect(plan.settled).toBe(true);
});
