import { expect, test } from "bun:test";
import {
  derivedContext,
  formatTraceparent,
  parseTraceparent,
  traceContextOf,
  withTraceContext,
} from "../../../src/wire/trace-context.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";

test("a sampled context is read and written", () => {
  const text = `00-${TRACE}-${SPAN}-01`;
  const context = parseTraceparent(text);
  expect(context).toEqual({ traceId: TRACE, spanId: SPAN, sampled: true });
  expect(context && formatTraceparent(context)).toBe(text);
});

test.each([
  ["00", false],
  ["02", false],
  ["03", true],
  ["ff", true],
])("of the flags %s only the lowest bit is looked at", (flags, sampled) => {
  expect(parseTraceparent(`00-${TRACE}-${SPAN}-${flags}`)?.sampled).toBe(sampled);
});

test.each([
  ["as long as version 0", `cc-${TRACE}-${SPAN}-01`],
  ["with more fields", `cc-${TRACE}-${SPAN}-01-what-the-future-holds`],
])("a later version %s is read as far as it is known", (_, text) => {
  expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN, sampled: true });
});

test.each([
  ["nothing", ""],
  ["too short", `00-${TRACE}-${SPAN}-1`],
  ["longer than version 0 may be", `00-${TRACE}-${SPAN}-01-more`],
  ["a later version with no dash behind it", `cc-${TRACE}-${SPAN}-01.more`],
  ["the forbidden version", `ff-${TRACE}-${SPAN}-01`],
  ["a version that is no number", `0x-${TRACE}-${SPAN}-01`],
  ["upper case", `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ["a trace id of zeros", `00-${"0".repeat(32)}-${SPAN}-01`],
  ["a span id of zeros", `00-${TRACE}-${"0".repeat(16)}-01`],
  ["a digit that is none", `00-${TRACE.slice(1)}g-${SPAN}-01`],
  ["other dashes", `00_${TRACE}_${SPAN}_01`],
  ["blanks around it", ` 00-${TRACE}-${SPAN}-01 `],
  ["a line break behind it", `00-${TRACE}-${SPAN}-01\n`],
  ["flags that are none", `00-${TRACE}-${SPAN}-0z`],
  ["far too long", `cc-${TRACE}-${SPAN}-01-${"x".repeat(10_000)}`],
])("%s is as good as absent", (_, text) => {
  expect(parseTraceparent(text)).toBeUndefined();
});

test("a record carries a context in its header, beside the others", () => {
  const record = { key: "k", headers: { a: "1" }, value: "{}" };
  expect(traceContextOf(record)).toBeUndefined();
  const context = { traceId: TRACE, spanId: SPAN, sampled: false };
  const carrying = withTraceContext(record, context);
  expect(carrying.headers).toEqual({ a: "1", traceparent: `00-${TRACE}-${SPAN}-00` });
  expect(traceContextOf(carrying)).toEqual(context);
  expect(record.headers).toEqual({ a: "1" });
});

test("a message id alone leads every process to the same valid context", () => {
  const contexts = Array.from({ length: 2_000 }, (_, i) => derivedContext(`key-${i}.scope`));
  for (const context of contexts.slice(0, 20))
    expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
  expect(derivedContext("key-7.scope")).toEqual(contexts[7] as (typeof contexts)[number]);
  expect(new Set(contexts.map(({ traceId }) => traceId)).size).toBe(contexts.length);
  // Samplers behind us go by the last digits.
  const low = contexts.filter(({ traceId }) => Number.parseInt(traceId.at(-1) as string, 16) < 8);
  expect(low.length).toBeGreaterThan(800);
  expect(low.length).toBeLessThan(1_200);
});
