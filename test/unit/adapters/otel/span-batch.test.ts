import { expect, test } from "bun:test";
import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import fc from "fast-check";
import { SpanBatch } from "../../../../src/adapters/otel/span-batch.ts";
import { attributesText, spanText } from "../../../../src/adapters/otel/span-text.ts";
import type { SpanAttributes, SpanRecord } from "../../../../src/ports/tracer.ts";
import { readableSpan } from "../../../support/trace/readable-span.ts";

const hex = (digits: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`));
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom("kafka", "\ud800", 'a "name"', "back\\slash", "\u0000\u001f\u007f\u2028"),
);
const attributes = (prefix: string): fc.Arbitrary<SpanAttributes> =>
  fc.dictionary(
    text.map((name) => `${prefix}${name}`),
    fc.oneof(text, fc.boolean(), fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
    { maxKeys: 6 },
  );
const times = fc
  .double({ min: 1_000_000_000_000, max: 4_000_000_000_000, noNaN: true })
  .map((ms) => Math.floor(ms * 1_024) / 1_024);
const spans: fc.Arbitrary<SpanRecord> = fc.record({
  name: text,
  kind: fc.constantFrom("internal", "server", "client", "producer", "consumer"),
  traceId: hex(32),
  spanId: hex(16),
  parentSpanId: fc.option(hex(16), { nil: undefined }),
  startedAt: times,
  endedAt: times,
  attributes: attributes("own."),
  shared: attributes("shared."),
  links: fc.option(fc.array(fc.record({ traceId: hex(32), spanId: hex(16) }), { maxLength: 3 }), {
    nil: undefined,
  }),
  error: fc.option(text, { nil: undefined }),
});

const ABOUT = { "service.name": "tïdegate", "service.instance.id": "gateway-1" };
const START = `{"resourceSpans":[{"resource":{"attributes":[${attributesText(ABOUT)}]},"scopeSpans":[{"scope":{"name":"tidegate"},"spans":[`;

/** JSON without the fields that have what OTLP takes them to have when they are absent. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== "object" || value === null) return value;
  const isDefault = (field: unknown): boolean =>
    field === 0 || (Array.isArray(field) && field.length === 0);
  const isAttribute = Object.keys(value).every((key) => key.endsWith("Value"));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => isAttribute || !isDefault(field))
      .map(([key, field]) => [key, withoutDefaults(field)]),
  );
}

const ofBytes = (bytes: Uint8Array | undefined): unknown =>
  withoutDefaults(JSON.parse(new TextDecoder().decode(bytes)));

function bodyOf(records: readonly SpanRecord[]): Uint8Array {
  const batch = new SpanBatch(START, undefined);
  for (const record of records) batch.add(record);
  expect(batch.count).toBe(records.length);
  return batch.end();
}

test("a batch is what the library's own serializer makes of the same spans", () => {
  const resource = resourceFromAttributes(ABOUT);
  const scope = { name: "tidegate" };
  fc.assert(
    fc.property(fc.array(spans, { minLength: 1, maxLength: 5 }), (records) => {
      const readable = records.map((record) => readableSpan(record, resource, scope));
      const expected = JsonTraceSerializer.serializeRequest(readable);
      expect(ofBytes(bodyOf(records))).toEqual(ofBytes(expected));
    }),
  );
});

test("a span's text is ASCII, whatever its names and values are", () => {
  fc.assert(
    fc.property(spans, (span) => {
      expect(spanText(span)).toMatch(/^[\x20-\x7e]*$/);
    }),
  );
});

const [one] = fc.sample(spans, { numRuns: 1, seed: 7 });

test("a batch of many thousand spans grows and stays whole", () => {
  const records = Array.from({ length: 5_000 }, () => one as SpanRecord);
  const body = ofBytes(bodyOf(records)) as {
    resourceSpans: { scopeSpans: { spans: unknown[] }[] }[];
  };
  expect(body.resourceSpans[0]?.scopeSpans[0]?.spans).toHaveLength(5_000);
});

test("attributes that spans share are told of each of them, and made into text once", () => {
  let reads = 0;
  const shared = {
    get place(): string {
      reads++;
      return "here";
    },
  };
  const record = { ...(one as SpanRecord), attributes: { own: 1 }, shared };
  const attributesOf = (text: string) => (JSON.parse(text) as { attributes: unknown }).attributes;
  const expected: readonly unknown[] = [
    { key: "place", value: { stringValue: "here" } },
    { key: "own", value: { intValue: 1 } },
  ];
  for (let i = 0; i < 3; i++) expect(attributesOf(spanText(record))).toEqual([...expected]);
  expect(reads).toBe(1);
  expect(attributesOf(spanText({ ...record, attributes: {} }))).toEqual(expected.slice(0, 1));
});
