import { expect, test } from "bun:test";
import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import { AppError } from "../../src/errors.ts";
import { EventPublisher } from "../../src/kafka/event-publisher.ts";
import { recordSize } from "../../src/kafka/record.ts";
import type { LogRecord } from "../../src/wire/record.ts";

const event = (value: string): LogRecord => ({ key: "k", headers: {}, value });
const NAME = "tidegate_kafka_events_dropped_total";

function open(room: number) {
  const telemetry = createMemoryTelemetry();
  const calls: { place: string; values: string[]; outcome: PromiseWithResolvers<number> }[] = [];
  const publisher = new EventPublisher({
    append: (topic, partition, records) => {
      const outcome = Promise.withResolvers<number>();
      const values = records.map(({ value }) => value);
      calls.push({ place: `${topic}/${partition}`, values, outcome });
      return outcome.promise;
    },
    limits: { eventsPendingBytesMax: room * recordSize(event("1")) },
    telemetry,
  });
  const dropped = (reason: string) => telemetry.value(NAME, { reason });
  return { publisher, calls, dropped };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("events of the same turn and partition are one append", async () => {
  const { publisher, calls } = open(10);
  for (const [value, partition] of [
    ["1", 0],
    ["2", 1],
    ["3", 0],
  ] as const)
    expect(publisher.publish("t", partition, event(value))).toBe(true);
  expect(calls).toEqual([]);
  await turn();
  expect(calls.map(({ place, values }) => [place, values])).toEqual([
    ["t/0", ["1", "3"]],
    ["t/1", ["2"]],
  ]);
});

test("events beyond eventsPendingBytesMax are dropped and counted, until there is room again", async () => {
  const { publisher, calls, dropped } = open(2);
  expect(["1", "2", "3", "4"].map((value) => publisher.publish("t", 0, event(value)))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(dropped("full")).toBe(2);
  await turn();
  calls[0]?.outcome.resolve(0);
  await turn();
  expect(publisher.publish("t", 0, event("5"))).toBe(true);
});

test("events that the log does not take are counted, and free their room", async () => {
  const { publisher, calls, dropped } = open(2);
  for (const value of ["1", "2"]) publisher.publish("t", 0, event(value));
  await turn();
  calls[0]?.outcome.reject(new AppError("log_unavailable"));
  await turn();
  expect([dropped("failed"), dropped("full")]).toEqual([2, 0]);
  expect(publisher.publish("t", 0, event("3"))).toBe(true);
});
