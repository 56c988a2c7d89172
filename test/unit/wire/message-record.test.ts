import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  eventOf,
  MessageRecord,
  stampOfRecord,
  valueLength,
  verdictOf,
} from "../../../src/wire/message-record.ts";
import {
  encodeMessageRecord,
  parseVerdictHeader,
  raiseAttempt,
  recordTemplate,
  sliceEvent,
  type LogRecord,
  type MessageParts,
  type RecordTemplate,
} from "../../../src/wire/record.ts";
import { stampOf } from "../../../src/wire/stamp.ts";
import { traceContextOf, withTraceContext } from "../../../src/wire/trace-context.ts";
import { packRecords } from "../../support/packed-records.ts";

const text = fc.string({ unit: "binary", maxLength: 40 });
const token = fc.stringMatching(/^[a-z0-9.-]{1,40}$/);
const templates = fc
  .record({ conversation: text, sender: text, key: text, source: text })
  .map((origin) => recordTemplate({ tenant: "acme", ...origin }));
const messages: fc.Arbitrary<MessageParts> = fc.record({
  key: token,
  id: token,
  attempt: fc.integer({ min: 0, max: 9_999_999 }),
  kind: fc.constantFrom("text", "file", "image", "video"),
  timestamp: fc.integer({ min: 0, max: 8_640_000_000_000_000 }),
  content: text.map((value) => JSON.stringify({ text: value })),
  fingerprint: token,
});
const context = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  sampled: true,
};
const plain = ({ key, headers, value }: LogRecord): LogRecord => ({ key, headers, value });

test("says what encodeMessageRecord says, and counts its text without making it", () => {
  fc.assert(
    fc.property(templates, messages, (template, parts) => {
      const record = new MessageRecord(template, parts);
      const expected = encodeMessageRecord(template, parts);
      expect(valueLength(record)).toBe(expected.value.length);
      expect(valueLength(expected)).toBe(expected.value.length);
      expect(plain(record)).toEqual(expected);
      expect(stampOfRecord(record)).toBe(stampOf(expected.value));
      expect(stampOfRecord(expected)).toBe(stampOf(expected.value));
    }),
  );
});

const anyToken = fc.oneof(token, fc.constantFrom("", "a b", "x".repeat(180), "x y z", "é"));
const odd: fc.Arbitrary<MessageParts> = fc
  .record({ message: messages, id: anyToken, fingerprint: anyToken, attempt: fc.nat() })
  .map(({ message, ...parts }) => ({ ...message, ...parts }));

test("its verdict and event are those of its text, also where that is refused", () => {
  const longName = recordTemplate({
    tenant: "acme",
    conversation: "c".repeat(10_000_000),
    sender: "ana",
    key: "k",
    source: "test",
  });
  const check = (template: RecordTemplate, parts: MessageParts): void => {
    const expected = encodeMessageRecord(template, parts);
    const header = parseVerdictHeader(expected);
    const record = new MessageRecord(template, parts);
    expect(verdictOf(record)).toEqual(header as never);
    expect(verdictOf(expected)).toEqual(header as never);
    if (header === undefined) return;
    expect(eventOf(record, header)).toBe(sliceEvent(expected, header));
    expect(eventOf(expected, header)).toBe(sliceEvent(expected, header));
  };
  const [one] = fc.sample(messages, 1);
  check(longName, one as MessageParts);
  fc.assert(fc.property(templates, fc.oneof(messages, odd), check), { numRuns: 500 });
});

test("its bytes in a batch are those of its text, beside records of other kinds", () => {
  fc.assert(
    fc.property(templates, fc.array(messages, { minLength: 1, maxLength: 5 }), (template, list) => {
      const records = list.flatMap((parts) => [
        new MessageRecord(template, parts),
        withTraceContext(new MessageRecord(template, parts), context),
        { key: "k", headers: { a: "1", b: "2" }, value: "é" },
      ]);
      const decoded = packRecords(records).map((packed) => packed.decode());
      expect(decoded).toEqual(records.map(plain));
    }),
  );
});

test("keeps its key and value where its headers are changed", () => {
  const template = recordTemplate({
    tenant: "acme",
    conversation: "général",
    sender: "ana",
    key: "général",
    source: "test",
  });
  const record = new MessageRecord(template, {
    key: "k1",
    id: "k1.scope",
    attempt: 1,
    kind: "text",
    timestamp: 1_795_254_378_085,
    content: '{"text":"漢字"}',
    fingerprint: "f",
  });
  const raised = raiseAttempt(record);
  const traced = withTraceContext(record, context);
  for (const changed of [raised, traced]) {
    expect(changed?.key).toBe(record.key);
    expect(changed?.value).toBe(record.value);
  }
});

test("with a trace's context it is the record that its text would be with it", () => {
  fc.assert(
    fc.property(templates, messages, (template, parts) => {
      const record = new MessageRecord(template, parts);
      const traced = withTraceContext(record, context);
      const expected = withTraceContext(encodeMessageRecord(template, parts), context);
      expect(plain(traced)).toEqual(expected);
      expect(verdictOf(traced)).toEqual(verdictOf(expected) as never);
      expect(valueLength(traced)).toBe(expected.value.length);
      expect(traceContextOf(traced)).toEqual(context);
      expect(traceContextOf(record)).toBeUndefined();
      expect(JSON.stringify(traced)).toBe(JSON.stringify(expected));
    }),
  );
});

test("is whole in the JSON of a dead letter", () => {
  fc.assert(
    fc.property(templates, messages, (template, parts) => {
      const record = new MessageRecord(template, parts);
      expect(JSON.stringify({ record })).toBe(
        JSON.stringify({ record: encodeMessageRecord(template, parts) }),
      );
    }),
  );
});
