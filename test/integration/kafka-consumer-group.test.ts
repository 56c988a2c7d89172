import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { KAFKA_GROUP_PROTOCOLS } from "../../src/kafka/settings.ts";
import { numbers, record } from "../conformance/event-log-kit.ts";
import { KafkaGroup } from "../support/kafka-group.ts";
import type { Program } from "../support/program.ts";
import { useKafka } from "../support/services/kafka.ts";

setDefaultTimeout(60_000);

let brokers: readonly string[];
beforeAll(async () => {
  ({ brokers } = await useKafka());
});

/** Partitions that a program holds by what it printed. */
function held(program: Program): readonly number[] {
  const owned = new Set<number>();
  for (const line of program.lines) {
    const [what, partition] = line.split(" ");
    if (what === "assigned") owned.add(Number(partition));
    if (what === "revoked" || what === "lost") owned.delete(Number(partition));
  }
  return [...owned].toSorted((a, b) => a - b);
}

function said(program: Program, what: string): number {
  return program.lines.filter((line) => line.startsWith(what)).length;
}

for (const groupProtocol of KAFKA_GROUP_PROTOCOLS)
  describe(`members of a Kafka group (${groupProtocol})`, () => {
    test("a member that leaves hands over long before its session would have ended", async () => {
      await using group = new KafkaGroup(brokers, { groupProtocol });
      const log = await group.create(6);
      const one = await group.join("one", log);
      const two = await group.join("two");
      await two.handler.when(() => two.handler.owned.size === 3);
      await one.handler.when(() => one.handler.owned.size === 3);
      const before = performance.now();
      await one.consumer.close();
      await two.handler.when(() => two.handler.owned.size === 6);
      expect(performance.now() - before).toBeLessThan(4_000);
      expect(await one.consumer.owns(group.topic, 0)).toBe(false);
      expect(await two.consumer.owns(group.topic, 0)).toBe(true);
    });

    test("a second process under the same name fences the first or waits for its end, never both", async () => {
      await using group = new KafkaGroup(brokers, { groupProtocol });
      const log = await group.create(2);
      const first = await group.join("same", log);
      await first.handler.when(() => first.handler.owned.size === 2);
      const second = await group.join("same");
      if (groupProtocol === "classic") {
        await first.handler.when(() => first.handler.failures.length > 0);
        expect(first.handler.failures[0]?.error).toMatchObject({ code: "fenced" });
        expect(first.handler.owned.size).toBe(0);
        expect(first.handler.calls.filter((call) => call.startsWith("lost"))).toHaveLength(2);
        expect(await first.consumer.owns(group.topic, 0)).toBe(false);
      } else await first.consumer.close();
      await second.handler.when(() => second.handler.owned.size === 2);
      expect(await second.consumer.owns(group.topic, 0)).toBe(true);
    });

    test("the last heartbeat goes on while members come and go", async () => {
      await using group = new KafkaGroup(brokers, { groupProtocol });
      const log = await group.create(4);
      const one = await group.join("one", log);
      await one.handler.when(() => one.handler.owned.size === 4);
      const before = one.consumer.lastHeartbeat();
      expect(performance.now() - before).toBeLessThan(6_000);
      const gate = Promise.withResolvers<void>();
      one.handler.onRevoked = () => gate.promise;
      const two = await group.join("two");
      await one.handler.when(() => one.handler.calls.some((call) => call.startsWith("revoked")));
      const during = one.consumer.lastHeartbeat();
      expect(await one.consumer.owns(group.topic, 0)).toBeBoolean();
      // Asked anew: the answer is younger than the question.
      const kept = numbers(4).find(
        (partition) => !one.handler.calls.includes(`revoked ${group.topic}/${partition}`),
      ) as number;
      expect(await one.consumer.owns(group.topic, kept)).toBe(true);
      expect(one.consumer.lastHeartbeat()).toBeGreaterThan(during);
      gate.resolve();
      await two.handler.when(() => two.handler.owned.size === 2);
    });
  });

describe("members of a Kafka group (classic), when a process dies", () => {
  test("what it read is delivered to another member after its session has ended", async () => {
    await using group = new KafkaGroup(brokers);
    const log = await group.create(4);
    const one = await group.join("one", log);
    const dying = group.start("two");
    await one.handler.when(() => one.handler.owned.size === 4);
    await dying.when(() => held(dying).length === 2);
    await one.handler.when(() => one.handler.owned.size === 2);
    for (const partition of numbers(4)) await log.append(group.topic, partition, [record(1)]);
    await dying.when(() => said(dying, "records") >= 2);
    dying.kill("SIGKILL");
    const before = performance.now();
    await one.handler.when(() => one.handler.count === 4);
    const ms = performance.now() - before;
    expect(ms).toBeGreaterThan(2_000);
    expect(ms).toBeLessThan(10_000);
    expect(one.handler.calls.filter((call) => call.startsWith("lost"))).toEqual([]);
  });

  test("one that comes back under its name within the session has its partitions again, and no other notices", async () => {
    await using group = new KafkaGroup(brokers);
    const log = await group.create(4);
    const one = await group.join("one", log);
    await one.handler.when(() => one.handler.owned.size === 4);
    const first = group.start("two");
    await first.when(() => held(first).length === 2);
    await one.handler.when(() => one.handler.owned.size === 2);
    const calls = [...one.handler.calls];
    const before = held(first);
    first.kill("SIGKILL");
    await first.ended;
    const second = group.start("two");
    await second.when(() => held(second).length === 2);
    expect(held(second)).toEqual(before);
    // Both answer for their own partitions, so a round that was going on would have shown by now.
    for (const partition of numbers(4))
      expect(await one.consumer.owns(group.topic, partition)).toBe(!before.includes(partition));
    expect(one.handler.calls).toEqual(calls);
  });

  test("the leader that comes back under its name leads without another round", async () => {
    await using group = new KafkaGroup(brokers);
    await group.create(4);
    const leader = group.start("a");
    await leader.when(() => held(leader).length === 4);
    const two = await group.join("b");
    await two.handler.when(() => two.handler.owned.size === 2);
    await leader.when(() => held(leader).length === 2);
    const calls = [...two.handler.calls];
    const before = held(leader);
    leader.kill("SIGKILL");
    await leader.ended;
    const again = group.start("a");
    await again.when(() => held(again).length === 2);
    expect(held(again)).toEqual(before);
    expect(two.handler.calls).toEqual(calls);
    // It still leads: who leaves is noticed.
    await two.consumer.close();
    await again.when(() => held(again).length === 4);
  });

  test("one that was stopped for longer than its session is told that it lost its partitions", async () => {
    await using group = new KafkaGroup(brokers);
    const log = await group.create(2);
    const frozen = group.start("one");
    await frozen.when(() => held(frozen).length === 2);
    frozen.kill("SIGSTOP");
    const two = await group.join("two", log);
    await two.handler.when(() => two.handler.owned.size === 2);
    frozen.kill("SIGCONT");
    await frozen.when(() => said(frozen, "lost") === 2);
    // It comes back as a member like any other.
    await frozen.when(() => held(frozen).length === 1);
    await two.handler.when(() => two.handler.owned.size === 1);
    frozen.kill("SIGTERM");
    await frozen.when(() => frozen.lines.includes("closed"));
    await two.handler.when(() => two.handler.owned.size === 2);
    expect(said(frozen, "revoked")).toBe(1);
  });
});

test("a member (consumer) that never lets go is no member after the rebalance timeout", async () => {
  await using group = new KafkaGroup(brokers, { groupProtocol: "consumer" });
  await group.create(2);
  const hanging = await group.join("one", group.log({ rebalanceTimeoutMs: 1_500 }));
  await hanging.handler.when(() => hanging.handler.owned.size === 2);
  const gate = Promise.withResolvers<void>();
  hanging.handler.onRevoked = () => gate.promise;
  const two = await group.join("two");
  await two.handler.when(() => two.handler.owned.size > 0);
  expect(hanging.handler.calls.filter((call) => call.startsWith("lost"))).toHaveLength(1);
  gate.resolve();
  await hanging.handler.when(() => hanging.handler.owned.size === 1);
  await two.handler.when(() => two.handler.owned.size === 1);
});
