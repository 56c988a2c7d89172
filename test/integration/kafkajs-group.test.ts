import { afterEach, describe, expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { createKafkajsEventLog } from "../../src/adapters/kafkajs/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import type { KafkaSettings } from "../../src/kafka/settings.ts";
import { type Limits, limitsWith } from "../../src/limits.ts";
import type { Consumer, EventLog } from "../../src/ports/event-log.ts";
import { record, records, spec } from "../conformance/event-log-kit.ts";
import { CollectingHandler } from "../support/collecting-handler.ts";
import { cleanUp, kafkaSettings, openKafkaLog } from "../support/kafka-log.ts";
import { createScope, type Scope, scopedLog } from "../support/scoped-log.ts";
import { startKafka, useKafka } from "../support/services/kafka.ts";

setDefaultTimeout(60_000);

const clock = createSystemClock();
const logs: EventLog[] = [];
let scope: Scope | undefined;

afterEach(async () => {
  await Promise.all(logs.splice(0).map((log) => log.close()));
  if (scope !== undefined) await cleanUp((await useKafka()).brokers, scope);
  scope = undefined;
});

/** A log of its own on the shared broker, as another process has it. */
async function open(changes: Partial<KafkaSettings> = {}, limits?: Limits): Promise<EventLog> {
  const { brokers } = await useKafka();
  const settings = kafkaSettings(brokers, changes);
  return keep(createKafkajsEventLog({ settings, clock, ...(limits && { limits }) }));
}

function keep(log: EventLog): EventLog {
  logs.push(log);
  return scopedLog(log, (scope ??= createScope()));
}

interface Joined {
  readonly handler: CollectingHandler;
  readonly consumer: Consumer;
}

async function join(log: EventLog, member: string, topics = ["t"]): Promise<Joined> {
  const handler = new CollectingHandler();
  const consumer = await log.consume({ group: "g", member, topics, handler });
  return { handler, consumer };
}

describe("a member of a group by kafkajs", () => {
  test("that comes back under its name within the session keeps its partitions where they are", async () => {
    const log = await open();
    await log.createTopic(spec("t", 4));
    const staying = await join(log, "staying");
    // Its process dies without a word: what it hears from now on is nobody's.
    const dying = await join(await open(), "moving");
    await staying.handler.when(() => staying.handler.owned.size === 2);
    await dying.handler.when(() => dying.handler.owned.size === 2);
    const before = [...dying.handler.owned].sort();
    const calls = [...staying.handler.calls];
    const back = await join(await open(), "moving");
    await back.handler.when(() => back.handler.owned.size === 2);
    expect([...back.handler.owned].sort()).toEqual(before);
    expect(staying.handler.calls).toEqual(calls);
    // And the one that is still there after all is told.
    await dying.handler.when(() => dying.handler.failures.length > 0);
    expect(dying.handler.failures[0]).toMatchObject({ partition: -1, error: { code: "fenced" } });
    expect(dying.handler.owned.size).toBe(0);
    expect(dying.handler.calls.filter((call) => call.startsWith("lost"))).toHaveLength(2);
    const owns = await Promise.all(
      before.map((place) => dying.consumer.owns("t", Number(place.split("/")[1]))),
    );
    expect(owns).toEqual([false, false]);
  });

  test("that comes back with other topics reads those", async () => {
    const log = await open();
    await log.createTopic(spec("t", 2));
    await log.createTopic(spec("u", 2));
    const first = await join(log, "m");
    await first.handler.when(() => first.handler.owned.size === 2);
    const second = await join(await open(), "m", ["u"]);
    await second.handler.when(
      () => second.handler.owned.has("u/0") && second.handler.owned.size === 2,
    );
    expect([...second.handler.owned].sort()).toEqual(["u/0", "u/1"]);
  });

  test("shares partitions with members by the other client, none owned twice", async () => {
    const log = await open();
    await log.createTopic(spec("t", 6));
    const { brokers } = await useKafka();
    const ours = await join(log, "a");
    await ours.handler.when(() => ours.handler.owned.size === 6);
    const theirs = await join(keep(openKafkaLog(brokers)), "b");
    await theirs.handler.when(() => theirs.handler.owned.size === 3);
    const third = await join(await open(), "c");
    await third.handler.when(() => third.handler.owned.size === 2);
    const all = [ours, theirs, third].flatMap(({ handler }) => [...handler.owned]);
    expect(all.sort()).toEqual([0, 1, 2, 3, 4, 5].map((partition) => `t/${partition}`));
    await ours.consumer.close();
    await theirs.handler.when(() => theirs.handler.owned.size === 3);
    await third.handler.when(() => third.handler.owned.size === 3);
    await theirs.consumer.close();
    await third.handler.when(() => third.handler.owned.size === 6);
    for (const { handler } of [ours, theirs, third])
      expect(handler.calls.filter((call) => call.startsWith("lost"))).toEqual([]);
  });

  test("whose network is cut loses its partitions when its session has ended, and hears of it after", async () => {
    await using broker = await startKafka({ proxied: true });
    const far = createKafkajsEventLog({
      settings: kafkaSettings(broker.proxiedBrokers, { sessionTimeoutMs: 6_000 }),
      clock,
    });
    const near = createKafkajsEventLog({
      settings: kafkaSettings(broker.brokers, { sessionTimeoutMs: 6_000 }),
      clock,
    });
    try {
      await near.createTopic(spec("t", 4));
      const away = await join(far, "away");
      const here = await join(near, "here");
      await here.handler.when(() => here.handler.owned.size === 2);
      await away.handler.when(() => away.handler.owned.size === 2);
      const proven = away.consumer.lastHeartbeat();
      const begun = performance.now();
      broker.proxies[0]?.stall();
      await here.handler.when(() => here.handler.owned.size === 4);
      // The time in which a consumer that died delivers again.
      expect(performance.now() - begun).toBeLessThan(10_000);
      expect(away.consumer.lastHeartbeat() - proven).toBeLessThan(2_000);
      const owns = away.consumer.owns("t", 0);
      await broker.proxies[0]?.heal();
      await away.handler.when(
        () => away.handler.calls.filter((call) => call.startsWith("lost")).length === 2,
      );
      expect(await owns).toBe(false);
      await away.handler.when(() => away.handler.owned.size === 2);
      await here.handler.when(() => here.handler.owned.size === 2);
    } finally {
      await Promise.all([far.close(), near.close()]);
    }
  });

  test("reads on while its broker restarts, without loss or repetition", async () => {
    await using broker = await startKafka();
    const log = createKafkajsEventLog({ settings: kafkaSettings(broker.brokers), clock });
    try {
      await log.createTopic(spec("t"));
      await log.append("t", 0, records(0, 50));
      const { handler } = await join(log, "m");
      await handler.when(() => handler.count === 50);
      await broker.kill();
      await broker.start();
      for (let value = 50; value < 60;)
        try {
          await log.append("t", 0, [record(value)]);
          value++;
        } catch (error) {
          if ((error as { code?: string }).code === "unknown_outcome") throw error;
          await Bun.sleep(100);
        }
      await handler.when(() => handler.count >= 60);
      expect(handler.values("t", 0)).toEqual(Array.from({ length: 60 }, (_, i) => String(i)));
    } finally {
      await log.close();
    }
  });
});

describe("reading by kafkajs", () => {
  test("fetches no more at once than the limits say, and still reads everything", async () => {
    const limits = limitsWith({
      fetchBytesMax: 10_000,
      fetchPartitionBytesMax: 2_000,
      fetchWaitMs: 100,
      readPageRecordsMax: 5,
    });
    const log = await open({}, limits);
    await log.createTopic(spec("t", 3));
    for (let i = 0; i < 30; i++)
      await Promise.all(
        [0, 1, 2].map((partition) => log.append("t", partition, records(i * 10, 10))),
      );
    let largest = 0;
    const handler = new CollectingHandler();
    handler.onRecords = (batch) => void (largest = Math.max(largest, batch.records.length));
    await log.consume({ group: "g", member: "m", topics: ["t"], handler });
    await handler.when(() => handler.count === 900);
    // Whole batches until there are enough.
    expect(largest).toBeLessThan(5 + 10);
    for (const partition of [0, 1, 2])
      expect(handler.values("t", partition)).toEqual(
        Array.from({ length: 300 }, (_, i) => String(i)),
      );
  });

  test("sets few timers when there is nothing to read", async () => {
    const log = await open();
    await log.createTopic(spec("t", 8));
    const { handler } = await join(log, "m");
    await handler.when(() => handler.owned.size === 8);
    using timers = spyOn(globalThis, "setTimeout");
    await Bun.sleep(1_000);
    // Heartbeats, fetches that came back empty, and a look at the topics. The library's own loop
    // sets several hundred a second for each connection that is open.
    expect(timers.mock.calls.length).toBeLessThan(50);
  });
});

test("a compression or protocol that kafkajs lacks is refused with the reason", async () => {
  await expect(open({ compression: "lz4" })).rejects.toThrow(/KAFKA_COMPRESSION=lz4.*no lz4 codec/);
  await expect(open({ compression: "snappy" })).rejects.toThrow(/KAFKA_COMPRESSION=snappy/);
  await expect(open({ groupProtocol: "consumer" })).rejects.toThrow(/KIP-848/);
});

test.each(["gzip", "zstd"] as const)(
  "batches packed with %s come back whole",
  async (compression) => {
    const log = await open({ compression });
    await log.createTopic(spec("t"));
    await log.append("t", 0, records(0, 500));
    expect((await log.read("t", 0, 0, 1_000)).records).toEqual(records(0, 500));
  },
);
