import { expect, test } from "bun:test";
import { publishEntries } from "../../../../consumers/outbox/publish-entries.ts";
import { refusalOf } from "../../../../consumers/outbox/refusal.ts";
import { AppError, type ErrorCode } from "../../../../src/errors.ts";
import {
  encodeMessageRecord,
  parseVerdictHeader,
  recordTemplate,
  type LogRecord,
} from "../../../../src/wire/record.ts";

const P = { topic: "chat.messages.acme", partition: 3 };
const template = recordTemplate({
  tenant: "acme",
  conversation: "general",
  sender: "ana",
  key: "general",
  source: "gateway/1",
});

function entry(number: number) {
  const key = `0198aaaa-bbbb-7ccc-8ddd-00000000000${number}`;
  const record = encodeMessageRecord(template, {
    key,
    id: `${key}.scope`,
    attempt: 2,
    kind: "text",
    timestamp: 1,
    content: "{}",
    fingerprint: "abc",
  });
  return { number, record };
}

/** A log that fails appends with a record of these numbers. */
function logWith(faults: Readonly<Record<number, ErrorCode>>) {
  const appends: number[][] = [];
  const taken: LogRecord[] = [];
  const log = {
    append(_topic: string, _partition: number, records: readonly LogRecord[]): Promise<number> {
      const numbers = records.map(({ value }) => Number(/0000000000(\d)"/.exec(value)?.[1]));
      appends.push(numbers);
      const code = numbers.map((number) => faults[number]).find((one) => one !== undefined);
      if (code !== undefined) return Promise.reject(new AppError(code, `${code} it is`));
      taken.push(...records);
      return Promise.resolve(taken.length - records.length);
    },
  };
  return { log, appends, taken };
}

const entries = [1, 2, 3, 4].map(entry);

test("rows go in one append, in order, with the tries before added to their attempt", async () => {
  const { log, appends, taken } = logWith({});
  const outcome = await publishEntries(log, P, entries, 3);
  expect(outcome).toEqual({ done: 4, parked: [], split: false, failure: undefined });
  expect(appends).toEqual([[1, 2, 3, 4]]);
  expect(taken.map((record) => parseVerdictHeader(record)?.attempt)).toEqual([5, 5, 5, 5]);
});

test("a record that the log never takes is parked, and those around it go one by one", async () => {
  const { log, appends, taken } = logWith({ 2: "record_too_large" });
  const outcome = await publishEntries(log, P, entries, 0);
  expect(appends).toEqual([[1, 2, 3, 4], [1], [2], [3], [4]]);
  expect(outcome.done).toBe(4);
  expect(outcome.split).toBe(true);
  expect(outcome.parked.map(({ number, reason }) => [number, reason])).toEqual([
    [2, "record_too_large: record_too_large it is"],
  ]);
  expect(taken).toHaveLength(3);
});

test("a failure that may pass keeps every row, and nothing goes one by one", async () => {
  for (const code of ["log_unavailable", "unknown_outcome", "topic_unknown", "internal"] as const) {
    const { log, appends } = logWith({ 3: code });
    const outcome = await publishEntries(log, P, entries, 0);
    expect(outcome).toMatchObject({ done: 0, parked: [], failure: { code } });
    expect(appends).toHaveLength(1);
  }
});

test("a failure that may pass stops those behind it also when they go one by one", async () => {
  const { log, appends } = logWith({ 1: "record_too_large", 3: "log_unavailable" });
  const outcome = await publishEntries(log, P, entries, 0);
  expect(appends).toEqual([[1, 2, 3, 4], [1], [2], [3]]);
  expect(outcome).toMatchObject({ done: 2, failure: { code: "log_unavailable" } });
  expect(outcome.parked.map(({ number }) => number)).toEqual([1]);
});

test("a row whose header cannot be read is parked without asking the log", async () => {
  const { log, taken } = logWith({});
  const damaged = { number: 2, record: { key: "general", headers: {}, value: "nonsense" } };
  const outcome = await publishEntries(log, P, [entry(1), damaged, entry(3)], 0);
  expect(outcome).toMatchObject({ done: 3, split: true, failure: undefined });
  expect(outcome.parked.map(({ number, code }) => [number, code])).toEqual([
    [2, "malformed_record"],
  ]);
  expect(taken).toHaveLength(2);
});

test("the sender of a parked record is told which one, and of a foreign record nobody is", () => {
  const { record } = entry(1);
  expect(refusalOf(record, "record_too_large", "o/1")).toEqual({
    tenant: "acme",
    user: "ana",
    conversation: "general",
    key: "0198aaaa-bbbb-7ccc-8ddd-000000000001",
    message: "0198aaaa-bbbb-7ccc-8ddd-000000000001.scope",
    code: "content_too_large",
    origin: "o/1",
  });
  expect(refusalOf({ ...record, value: "nonsense" }, "row_refused", "o/1")).toBeUndefined();
  const cut = { ...record, value: `${record.value.slice(0, -3)}x}}` };
  expect(refusalOf(cut, "row_refused", "o/1")).toBeUndefined();
});
