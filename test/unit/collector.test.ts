import { expect, test } from "bun:test";
import { AppendGate } from "../../gateway/append-gate.ts";
import { Producer, type AppendWay } from "../../gateway/producer.ts";
import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { NOTHING_KNOWN, Sequencer } from "../../src/chat/sequencer.ts";
import { limitsWith } from "../../src/limits.ts";
import { encodeMessageRecord, recordTemplate, type LogRecord } from "../../src/wire/record.ts";
import { keptOf, nextTurn } from "../support/kept.ts";

const PASSED = 400;
/** What may be in the hands of something that is still at work. */
const FEW = PASSED / 20;
const clock = createSystemClock();
const limits = limitsWith();

test("a message that has its receipt leaves nothing with the producer", async () => {
  const log: AppendWay = {
    async append() {
      // So that some are on their way while others come.
      for (let i = 0; i < 3; i++) await nextTurn();
      return 0;
    },
  };
  const gate = new AppendGate({ clock, limits, telemetry: createMemoryTelemetry() });
  const producer = new Producer({ log, clock, limits, gate });
  let appended = 0;
  const completion = { appended: () => appended++, kept() {}, failed() {} };
  const kept = await keptOf(async () => {
    const passed: WeakRef<LogRecord>[] = [];
    for (let i = 0; i < PASSED; i++) {
      const one = record(i);
      passed.push(new WeakRef(one));
      producer.send("t", i % 4, one, completion);
      await nextTurn();
    }
    await producer.settled();
    return passed;
  });
  expect(appended).toBe(2 * PASSED);
  expect(kept).toBeLessThan(FEW);
});

test("a record that was placed leaves nothing in the sequencer", async () => {
  const sequencer = new Sequencer({
    locate: (key) => ({ tenant: "acme", conversation: key }),
    incarnation: "inc",
    windowOffsets: 10,
    headsMax: 100,
  });
  let offset = 0;
  const kept = await keptOf(async () => {
    const passed: WeakRef<object>[] = [];
    for (let i = 0; i < PASSED; i++) {
      const prepared = sequencer.prepare([record(offset)], [offset]);
      const { runs } = sequencer.fold(prepared, NOTHING_KNOWN, offset);
      passed.push(new WeakRef(runs[0] as object));
      offset++;
    }
    return passed;
  });
  expect(kept).toBeLessThan(FEW);
});

function record(number: number): LogRecord {
  const origin = { tenant: "acme", conversation: "c", sender: "ana", key: "c", source: "test" };
  return encodeMessageRecord(recordTemplate(origin), {
    key: `m${number}`,
    id: `m${number}.scope`,
    attempt: 1,
    kind: "text",
    timestamp: 1,
    content: '{"text":"hello"}',
    fingerprint: "f",
  });
}
