import { expect, test } from "bun:test";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import fc from "fast-check";
import { SpanBatch, spanOrigin } from "../../../../src/adapters/otel/span-batch.ts";
import type { SpanAttributes, SpanRecord } from "../../../../src/ports/tracer.ts";
import { readOtlp, type OtlpSpan } from "../../../support/trace/otlp.ts";
import { readableSpan } from "../../../support/trace/readable-span.ts";

const hex = (digits: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`));
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }),
  // About where the lengths of it and of what it is in take another byte.
  fc.nat({ max: 140 }).map((length) => "x".repeat(length)),
  fc.nat({ max: 60 }).map((length) => "é".repeat(length)),
  fc.constant("long ".repeat(4_000)),
  fc.constantFrom("kafka", "\ud800", 'a "name"', "back\\slash", "\u0000\u001f\u007f\u2028"),
);
/** Beyond what a double has each of, and beyond 64 bits. */
const whole = fc
  .tuple(fc.constantFrom(1, -1), fc.nat(), fc.nat({ max: 70 }))
  .map(([sign, digits, power]) => sign * digits * 2 ** power);
const attributes = (prefix: string): fc.Arbitrary<SpanAttributes> =>
  fc.dictionary(
    text.map((name) => `${prefix}${name}`),
    fc.oneof(text, fc.boolean(), fc.integer(), fc.maxSafeInteger(), whole, fc.double()),
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
const SCOPE = { name: "tidegate" };

function bodyOf(records: readonly SpanRecord[], spare?: Buffer): Uint8Array {
  const batch = new SpanBatch(spanOrigin(ABOUT, SCOPE.name), spare);
  for (const record of records) batch.add(record);
  expect(batch.count).toBe(records.length);
  return batch.end();
}

function spansOf(body: Uint8Array): readonly OtlpSpan[] {
  const { resourceSpans } = readOtlp(body);
  expect(resourceSpans).toHaveLength(1);
  expect(resourceSpans[0]?.scopeSpans).toHaveLength(1);
  return resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
}

test("a batch is what the library's own serializer makes of the same spans", () => {
  const resource = resourceFromAttributes(ABOUT);
  fc.assert(
    fc.property(fc.array(spans, { minLength: 1, maxLength: 5 }), (records) => {
      const readable = records.map((record) => readableSpan(record, resource, SCOPE));
      const expected = ProtobufTraceSerializer.serializeRequest(readable) as Uint8Array;
      expect(readOtlp(bodyOf(records))).toEqual(readOtlp(expected));
    }),
    { numRuns: 300 },
  );
});

const [one] = fc.sample(spans, { numRuns: 1, seed: 7 }) as [SpanRecord];

test("a batch of many thousand spans grows and stays whole", () => {
  const [expected] = spansOf(bodyOf([one]));
  const all = spansOf(bodyOf(Array.from({ length: 5_000 }, () => one)));
  expect(all).toHaveLength(5_000);
  expect(all.every((span) => Bun.deepEquals(span, expected))).toBe(true);
});

test("a batch in the bytes of another one has nothing of it", () => {
  const bare: SpanRecord = {
    ...one,
    attributes: {},
    shared: {},
    links: undefined,
    error: undefined,
  };
  const first = new SpanBatch(spanOrigin(ABOUT, SCOPE.name), undefined);
  for (let i = 0; i < 100; i++) first.add(one);
  first.end();
  expect(bodyOf([bare], first.bytes)).toEqual(bodyOf([bare]));
});

test("attributes that spans share are told of each of them, and made into bytes once", () => {
  let reads = 0;
  const shared = {
    get place(): string {
      reads++;
      return "here";
    },
  };
  const record = { ...one, attributes: { own: 1 }, shared };
  const expected = [
    { key: "place", value: { stringValue: "here" } },
    { key: "own", value: { intValue: "1" } },
  ];
  for (const { attributes: told } of spansOf(bodyOf([record, record, record])))
    expect(told).toEqual(expected);
  expect(reads).toBe(1);
  const [span] = spansOf(bodyOf([{ ...record, attributes: {} }]));
  expect(span?.attributes).toEqual(expected.slice(0, 1));
});

test.each([
  ["an id that is none", { traceId: "no id", spanId: "ï".repeat(40), parentSpanId: "" }],
  ["times that are none", { startedAt: Number.NaN, endedAt: Number.POSITIVE_INFINITY }],
  ["times before 1970", { startedAt: -1_000.5, endedAt: -1 }],
  [
    "values of no kind that attributes have",
    { attributes: { lost: undefined, gone: null, deep: {} } },
  ],
] as const)("%s harms none of the other spans", (_, fields) => {
  const [expected] = spansOf(bodyOf([one]));
  const broken = { ...one, ...fields } as unknown as SpanRecord;
  const [before, odd, after] = spansOf(bodyOf([one, broken, one]));
  expect([before, after]).toEqual([expected, expected]);
  expect(odd).toMatchObject({
    traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    spanId: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
  });
  expect(odd?.endTimeUnixNano).toBeGreaterThanOrEqual(odd?.startTimeUnixNano as bigint);
});
