import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { AppError } from "../../src/errors.ts";
import { limitsWith } from "../../src/limits.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import { record, spec } from "../conformance/event-log-kit.ts";
import { rejection } from "./rejection.ts";
import { type Kafka, startKafka } from "./services/kafka.ts";

const { appendOutcomeMs } = limitsWith();
/** A busy machine's share. */
const SLACK_MS = 700;

/** What became of one append: its offset, or the error's code. */
type Outcome = { value: number; offset: number } | { value: number; code: string };

/** What a log on Kafka tells of its appends while brokers and networks fail; a broker of its own. */
export function kafkaFaultSuite(
  name: string,
  openLog: (brokers: readonly string[]) => EventLog,
): void {
  describe(`event log (${name}) under faults`, () => {
    let kafka: Kafka;
    let log: EventLog;
    let made = 0;
    let topic: string;

    beforeAll(async () => {
      kafka = await startKafka({ proxied: true });
    });
    afterAll(() => kafka.stop());
    beforeEach(async () => {
      topic = `t${made++}`;
      log = openLog(kafka.proxiedBrokers);
      await log.createTopic(spec(topic, 2));
    });
    afterEach(() => log.close());

    async function append(value: number): Promise<Outcome> {
      try {
        return { value, offset: await log.append(topic, 0, [record(value)]) };
      } catch (error) {
        return { value, code: (error as AppError).code };
      }
    }

    async function appendUntilTaken(value: number): Promise<void> {
      while ("code" in (await append(value))) await Bun.sleep(100);
    }

    /** Every append that has an offset is there and nowhere else; what is in the log is in order. */
    async function expectTrue(outcomes: readonly Outcome[]): Promise<void> {
      const { records, offsets } = await log.read(topic, 0, 0, 100_000);
      const found = records.map(({ value }) => Number(value));
      expect(found).toEqual([...new Set(found)].sort((a, b) => a - b));
      for (const outcome of outcomes) {
        const at = found.indexOf(outcome.value);
        if ("offset" in outcome)
          expect([outcome.value, offsets[at]]).toEqual([outcome.value, outcome.offset]);
        else if (outcome.code !== "unknown_outcome")
          expect([outcome.value, at]).toEqual([outcome.value, -1]);
      }
    }

    test("a broker that hangs leaves what was sent unknown, and what waits behind it unwritten", async () => {
      const outcomes = [await append(0)];
      await kafka.pause();
      const sent = append(1);
      await Bun.sleep(50);
      const behind = append(2);
      const [outcome, ms] = await timed(sent);
      expect(outcome).toEqual({ value: 1, code: "unknown_outcome" });
      expect(ms).toBeLessThan(appendOutcomeMs + SLACK_MS);
      expect(await behind).toEqual({ value: 2, code: "log_unavailable" });
      await kafka.resume();
      await appendUntilTaken(3);
      await expectTrue([...outcomes, outcome, await behind]);
    });

    test("what is lost in a network that stalls does not land behind what is sent later", async () => {
      const [proxy] = kafka.proxies;
      const outcomes: Outcome[] = [await append(0)];
      for (let round = 0; round < 4; round++) {
        const from = round * 10 + 1;
        proxy?.stall();
        const lost = append(from);
        const [outcome] = await timed(lost);
        expect(outcome).toEqual({ value: from, code: "unknown_outcome" });
        const next = append(from + 1);
        await proxy?.heal();
        outcomes.push(outcome, await next, await append(from + 2));
      }
      await appendUntilTaken(1_000);
      await expectTrue(outcomes);
    });

    test("connections that break are made again without losing or repeating anything", async () => {
      const [proxy] = kafka.proxies;
      const outcomes: Promise<Outcome>[] = [];
      for (let i = 0; i < 300; i++) {
        outcomes.push(append(i));
        if (i % 60 === 30) {
          await proxy?.cut();
          await proxy?.heal();
        }
        await Bun.sleep(2);
      }
      const all = await Promise.all(outcomes);
      // The same producer id sends again what may have been written: nothing is left unknown here.
      expect(all.filter((outcome) => "offset" in outcome)).toHaveLength(300);
      await expectTrue(all);
    });

    test("a broker that is gone is told within the limit, then at once, and comes back", async () => {
      await log.close();
      // Not through the proxy, which takes connections for the broker that is gone.
      log = openLog(kafka.brokers);
      const outcomes = [await append(0)];
      await kafka.kill();
      for (let i = 1; i < 4; i++) {
        const [outcome, ms] = await timed(append(i));
        expect(outcome).toHaveProperty("code");
        expect(ms).toBeLessThan(appendOutcomeMs + SLACK_MS);
        outcomes.push(outcome);
      }
      // The circuit is open now, but for the tries in between.
      const waits = [];
      for (let i = 0; i < 5; i++) {
        const [outcome, ms] = await timed(append(10 + i));
        expect(outcome).toEqual({ value: 10 + i, code: "log_unavailable" });
        waits.push(ms);
      }
      expect(Math.min(...waits)).toBeLessThan(50);
      await kafka.start();
      await appendUntilTaken(20);
      outcomes.push(await append(21));
      expect(outcomes.at(-1)).toHaveProperty("offset");
      await expectTrue(outcomes);
    });

    test("closing ends within the limit while the broker is away", async () => {
      await append(0);
      await kafka.pause();
      const call = rejection(log.append(topic, 0, [record(1)]));
      const [, ms] = await timed(log.close());
      expect(ms).toBeLessThan(appendOutcomeMs + SLACK_MS);
      expect(await call).toMatchObject({ code: "unknown_outcome" });
      await kafka.resume();
    });
  });
}

async function timed<T>(call: Promise<T>): Promise<[T, number]> {
  const begun = performance.now();
  const result = await call;
  return [result, performance.now() - begun];
}
