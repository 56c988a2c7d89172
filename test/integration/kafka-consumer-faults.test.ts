import { expect, setDefaultTimeout, test } from "bun:test";
import type { KafkaEventLog } from "../../src/adapters/kafka/event-log.ts";
import { AppError } from "../../src/errors.ts";
import { numbers, record } from "../conformance/event-log-kit.ts";
import { KafkaGroup } from "../support/kafka-group.ts";
import { startKafka } from "../support/services/kafka.ts";

setDefaultTimeout(180_000);

/** Appends until the log takes it; an unknown outcome may put it there twice. */
async function appendSurely(log: KafkaEventLog, topic: string, partition: number, value: string) {
  for (;;)
    try {
      await log.append(topic, partition, [record(value)]);
      return;
    } catch (error) {
      if (!(error instanceof AppError) || !error.retriable) throw error;
    }
}

// Concurrent: each waits for brokers of its own most of the time, and judges no time.
test.concurrent("a consumer outlives its broker: killed and started again, stalled, and cut off", async () => {
  await using kafka = await startKafka({ proxied: true });
  const [proxy] = kafka.proxies;
  if (proxy === undefined) throw new Error("the broker has no proxy");
  await using group = new KafkaGroup(kafka.proxiedBrokers, { sessionTimeoutMs: 30_000 });
  const log = await group.create(2);
  const reader = group.log({ groupAnswerTimeoutMs: 1_000, fetchWaitMs: 200 });
  const { consumer, handler } = await group.join("one", reader);
  await handler.when(() => handler.owned.size === 2);
  const arrive = async (value: string) => {
    for (const partition of numbers(2)) {
      await appendSurely(log, group.topic, partition, value);
      const text = JSON.stringify(value);
      await handler.when(() => handler.values(group.topic, partition).includes(text));
    }
    const before = consumer.lastHeartbeat();
    expect(await consumer.owns(group.topic, 0)).toBe(true);
    expect(consumer.lastHeartbeat()).toBeGreaterThan(before);
  };

  await arrive("before");
  await kafka.kill("SIGKILL");
  await kafka.start();
  await arrive("after a kill");
  proxy.stall();
  // The question hangs with everything else, and is asked again over another connection.
  const owned = consumer.owns(group.topic, 1);
  while (performance.now() - consumer.lastHeartbeat() < 2_500) await Bun.sleep(50);
  await proxy.heal();
  expect(await owned).toBe(true);
  await arrive("after a stall");
  await proxy.cut();
  const asked = consumer.owns(group.topic, 1);
  await proxy.heal();
  expect(await asked).toBe(true);
  await arrive("after a cut");

  expect(handler.failures).toEqual([]);
  expect(handler.calls).toHaveLength(2);
  for (const partition of numbers(2)) {
    const { end } = await log.range(group.topic, partition);
    expect(handler.offsets(group.topic, partition)).toEqual(numbers(end));
  }
});

test.concurrent("with three brokers, the loss of any one is no loss of a partition", async () => {
  await using kafka = await startKafka({ shape: "cluster" });
  await using group = new KafkaGroup(kafka.brokers, { sessionTimeoutMs: 30_000 });
  const log = await group.create(3);
  const { handler } = await group.join("one", group.log());
  await handler.when(() => handler.owned.size === 3);
  for (const broker of numbers(3)) {
    await kafka.kill("SIGKILL", broker);
    for (const partition of numbers(3)) {
      const value = `without ${broker}`;
      await appendSurely(log, group.topic, partition, value);
      const text = JSON.stringify(value);
      await handler.when(() => handler.values(group.topic, partition).includes(text));
    }
    await kafka.start(broker);
  }
  expect(handler.failures).toEqual([]);
  expect(handler.calls).toHaveLength(3);
  for (const partition of numbers(3)) {
    const { end } = await log.range(group.topic, partition);
    expect(handler.offsets(group.topic, partition)).toEqual(numbers(end));
  }
});
