import { expect, test } from "bun:test";
import fc from "fast-check";
import { MessageRecord, valueLength } from "../../../src/wire/message-record.ts";
import {
  encodeMessageRecord,
  raiseAttempt,
  recordTemplate,
  type LogRecord,
  type MessageParts,
} from "../../../src/wire/record.ts";
import { withTraceContext } from "../../../src/wire/trace-context.ts";
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
const plain = ({ key, headers, value }: LogRecord): LogRecord => ({ key, headers, value });

test("says what encodeMessageRecord says, and counts its text without making it", () => {
  fc.assert(
    fc.property(templates, messages, (template, parts) => {
      const record = new MessageRecord(template, parts);
      const expected = encodeMessageRecord(template, parts);
      expect(valueLength(record)).toBe(expected.value.length);
      expect(valueLength(expected)).toBe(expected.value.length);
      expect(plain(record)).toEqual(expected);
    }),
  );
});

test("its bytes in a batch are those of its text, beside records of other kinds", () => {
  fc.assert(
    fc.property(templates, fc.array(messages, { minLength: 1, maxLength: 5 }), (template, list) => {
      const records = list.flatMap((parts) => [
        new MessageRecord(template, parts),
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
  const context = {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    sampled: true,
  };
  const raised = raiseAttempt(record);
  const traced = withTraceContext(record, context);
  for (const changed of [raised, traced]) {
    expect(changed?.key).toBe(record.key);
    expect(changed?.value).toBe(record.value);
  }
});
