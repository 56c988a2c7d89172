import { expect, setDefaultTimeout, test } from "bun:test";
import type { KafkaEventLog } from "../../src/adapters/kafka/event-log.ts";
import type { AppError } from "../../src/errors.ts";
import { record, readAll, spec } from "../conformance/event-log-kit.ts";
import { openKafkaLog } from "../support/kafka-log.ts";
import { startKafka } from "../support/services/kafka.ts";

setDefaultTimeout(180_000);

const PARTITIONS = 3;
const TOPIC = "t";

interface Ack {
  readonly value: number;
  readonly offset: number;
}

/** Appends 0, 1, 2 … to a partition, each again until it is acknowledged, as a gateway would. */
class Writer {
  readonly acks: Ack[] = [];
  /** Values whose outcome was unknown at least once: they may be there twice. */
  readonly unsure = new Set<number>();
  longestMs = 0;
  private running = true;

  async run(log: KafkaEventLog, partition: number): Promise<void> {
    for (let value = 0; this.running; value++) {
      const begun = performance.now();
      this.acks.push({ value, offset: await this.#append(log, partition, value) });
      this.longestMs = Math.max(this.longestMs, performance.now() - begun);
    }
  }

  stop(): void {
    this.running = false;
  }

  async #append(log: KafkaEventLog, partition: number, value: number): Promise<number> {
    for (;;) {
      try {
        return await log.append(TOPIC, partition, [record(value)]);
      } catch (error) {
        if ((error as AppError).code === "unknown_outcome") this.unsure.add(value);
        await Bun.sleep(10);
      }
    }
  }
}

test("appends go on at the new leaders when a broker is lost, and all that was acknowledged is there", async () => {
  await using kafka = await startKafka({
    shape: "cluster",
    // A controller takes 9 s to miss a broker by default; nobody leads its partitions meanwhile.
    settings: { "broker.session.timeout.ms": "3000", "broker.heartbeat.interval.ms": "500" },
  });
  const log = openKafkaLog(kafka.brokers);
  try {
    await log.createTopic(spec(TOPIC, PARTITIONS));
    const lost = log.client.metadata.leader(TOPIC, 0);
    const writers = Array.from({ length: PARTITIONS }, () => new Writer());
    const running = writers.map((writer, partition) => writer.run(log, partition));
    const grown = async (by: number): Promise<void> => {
      const wanted = writers.map(({ acks }) => acks.length + by);
      while (writers.some(({ acks }, i) => acks.length < (wanted[i] as number))) await Bun.sleep(5);
    };
    await grown(50);
    await kafka.kill("SIGKILL", lost - 1);
    await grown(50);
    expect(log.client.metadata.leader(TOPIC, 0)).not.toBe(lost);
    await kafka.start(lost - 1);
    await grown(50);
    for (const writer of writers) writer.stop();
    await Promise.all(running);
    const longest = Math.max(...writers.map(({ longestMs }) => longestMs));
    expect(longest).toBeLessThan(15_000);
    for (const [partition, { acks, unsure }] of writers.entries()) {
      const values = (await readAll(log, TOPIC, partition, 0)).map(({ value }) => Number(value));
      for (const { value, offset } of acks) expect([value, values[offset]]).toEqual([value, value]);
      // In order, and twice only where the caller knew that it may be.
      expect(values).toEqual(values.toSorted((a, b) => a - b));
      const twice = values.filter((value, i) => values[i - 1] === value);
      expect(twice.filter((value) => !unsure.has(value))).toEqual([]);
    }
  } finally {
    await log.close();
  }
});
