import { describe, expect, test } from "bun:test";
import { CollectingHandler } from "../support/collecting-handler.ts";
import { type EventLogKit, numbers, record, records, spec } from "./event-log-kit.ts";

/** Who owns which partition, and when. */
export function groupSuite(kit: EventLogKit): void {
  describe(`event log (${kit.name}): groups`, () => {
    test("two members share a topic's partitions, none owned twice, and a move revokes first", async () => {
      const { log } = await kit.open(spec("t", 8));
      const first = new CollectingHandler();
      const second = new CollectingHandler();
      const order: string[] = [];
      const released = Promise.withResolvers<void>();
      first.onRevoked = async () => {
        await released.promise;
        order.push("revoked");
      };
      second.startAt = () => {
        order.push("assigned");
        return Promise.resolve(0);
      };
      const one = await kit.join(log, first, ["t"], "m1");
      await first.when(() => first.owned.size === 8);
      const two = await kit.join(log, second, ["t"], "m2");
      await first.when(() => first.calls.filter((call) => call.startsWith("revoked")).length === 4);
      expect(order).toEqual([]);
      released.resolve();
      await second.when(() => second.owned.size === 4);
      expect(order.slice(0, 1)).toEqual(["revoked"]);
      expect(first.owned.size).toBe(4);
      for (let partition = 0; partition < 8; partition++) {
        const owners = await Promise.all([one.owns("t", partition), two.owns("t", partition)]);
        expect(owners.filter(Boolean)).toHaveLength(1);
        expect(owners[0]).toBe(first.owned.has(`t/${partition}`));
      }
    });

    test("no record comes after `revoked` was called, and the next owner goes on from there", async () => {
      const { log } = await kit.open(spec("t", 4));
      const first = new CollectingHandler();
      const one = await kit.join(log, first, ["t"], "m1");
      await first.when(() => first.owned.size === 4);
      let appending = true;
      const appends = (async () => {
        for (let i = 0; appending; i++)
          await Promise.all(numbers(4).map((partition) => log.append("t", partition, [record(i)])));
      })();
      await first.when(() => first.count > 100);
      const atRevoke = new Map<string, number>();
      const revoked = first.revoked.bind(first);
      first.revoked = (topic, partition) => {
        atRevoke.set(`${topic}/${partition}`, first.offsets(topic, partition).length);
        return revoked(topic, partition);
      };
      const second = new CollectingHandler();
      second.startAt = async (_, partition) => first.offsets("t", partition).length;
      await kit.join(log, second, ["t"], "m2");
      await second.when(() => second.owned.size === 2 && second.count > 100);
      await one.close();
      await second.when(() => second.owned.size === 4);
      appending = false;
      await appends;
      const { end } = await log.range("t", 0);
      await second.when(() => numbers(4).every((p) => second.offsets("t", p).at(-1) === end - 1));
      for (let partition = 0; partition < 4; partition++) {
        const seen = first.offsets("t", partition);
        expect(seen.length).toBe(atRevoke.get(`t/${partition}`) ?? -1);
        expect([...seen, ...second.offsets("t", partition)]).toEqual(numbers(end));
      }
      expect(first.calls.filter((call) => call.startsWith("stray"))).toEqual([]);
      expect(second.calls.filter((call) => call.startsWith("stray"))).toEqual([]);
    });

    if (kit.lacks.singleRevocation === undefined) hangTest(kit);

    test("topics are added and taken away while the consumer runs", async () => {
      const { log } = await kit.open(spec("a"), spec("b"));
      const handler = new CollectingHandler();
      const consumer = await kit.join(log, handler, ["a"]);
      await handler.when(() => handler.owned.has("a/0"));
      await consumer.setTopics(["b", "later"]);
      await handler.when(() => handler.owned.has("b/0") && !handler.owned.has("a/0"));
      expect(handler.calls).toContain("revoked a/0");
      await log.createTopic(spec("later"));
      await handler.when(() => handler.owned.has("later/0"));
      await log.append("a", 0, records(0, 1));
      await log.append("later", 0, records(0, 2));
      await handler.when(() => handler.count === 2);
      expect(handler.offsets("a", 0)).toEqual([]);
    });

    test("a deleted topic's partitions are lost, and its successor is assigned anew", async () => {
      const { log } = await kit.open();
      const first = await log.createTopic(spec("t"));
      const handler = new CollectingHandler();
      const incarnations: string[] = [];
      handler.startAt = (topic) => {
        incarnations.push(topic.incarnation);
        return Promise.resolve(0);
      };
      await kit.join(log, handler, ["t"]);
      await handler.when(() => handler.owned.has("t/0"));
      await log.deleteTopic("t");
      await handler.when(() => !handler.owned.has("t/0"));
      const second = await log.createTopic(spec("t"));
      await handler.when(() => handler.owned.has("t/0"));
      expect(handler.calls).toEqual(["assigned t/0", "lost t/0", "assigned t/0"]);
      expect(incarnations).toEqual([first.incarnation, second.incarnation]);
    });

    test("closing revokes everything, once, and the member owns nothing after it", async () => {
      const { log } = await kit.open(spec("t", 3));
      const handler = new CollectingHandler();
      const consumer = await kit.join(log, handler, ["t"]);
      await handler.when(() => handler.owned.size === 3);
      const before = consumer.lastHeartbeat();
      await Promise.all([consumer.close(), consumer.close()]);
      await consumer.close();
      expect(handler.calls.filter((call) => call.startsWith("revoked")).sort()).toEqual([
        "revoked t/0",
        "revoked t/1",
        "revoked t/2",
      ]);
      expect(handler.owned.size).toBe(0);
      expect(await consumer.owns("t", 0)).toBe(false);
      expect(consumer.lastHeartbeat()).toBeGreaterThanOrEqual(before);
      await log.append("t", 0, records(0, 1));
      expect(handler.count).toBe(0);
    });

    test("closing the log revokes its consumers' partitions first", async () => {
      const { log } = await kit.open(spec("t"));
      const handler = new CollectingHandler();
      await kit.join(log, handler, ["t"]);
      await handler.when(() => handler.owned.size === 1);
      let base: number | undefined;
      // A worker may still append while it lets go, for its dead letters.
      handler.onRevoked = async () => {
        base = await log.append("t", 0, records(0, 1));
      };
      await log.close();
      expect(base).toBe(0);
      expect(handler.calls).toEqual(["assigned t/0", "revoked t/0"]);
    });
  });
}

function hangTest(kit: EventLogKit): void {
  test("a member that hangs in `revoked` holds up only its own partition", async () => {
    const { log } = await kit.open(spec("t", 4));
    const first = new CollectingHandler();
    await kit.join(log, first, ["t"], "m1");
    await first.when(() => first.owned.size === 4);
    const gate = Promise.withResolvers<void>();
    let calls = 0;
    first.onRevoked = () => (calls++ === 0 ? gate.promise : Promise.resolve());
    const second = new CollectingHandler();
    await kit.join(log, second, ["t"], "m2");
    await second.when(() => second.owned.size === 1);
    gate.resolve();
    await second.when(() => second.owned.size === 2);
  });
}
