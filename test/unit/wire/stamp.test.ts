import { expect, test } from "bun:test";
import {
  encodeMessageRecord,
  parseVerdictHeader,
  recordTemplate,
  sliceEvent,
} from "../../../src/wire/record.ts";
import { stampOf } from "../../../src/wire/stamp.ts";

const template = recordTemplate({
  tenant: "acme",
  conversation: "general",
  sender: "ana",
  key: "general",
  source: "gateway/1",
});
const record = encodeMessageRecord(template, {
  key: "0198d5f0-0000-7000-8000-000000000000",
  id: "m1",
  attempt: 1,
  kind: "text",
  timestamp: 1_795_254_378_085,
  content: '{"text":"\\"timestamp\\":7","timestamp":9}',
  fingerprint: "f",
});

test("the stamp of a record and of its event is the time at which a gateway took it", () => {
  const header = parseVerdictHeader(record);
  if (header === undefined) throw new Error("not a record");
  expect(stampOf(record.value)).toBe(1_795_254_378_085);
  expect(stampOf(sliceEvent(record, header))).toBe(1_795_254_378_085);
});

test("a text without a stamp where it belongs has none", () => {
  expect(stampOf("")).toBeUndefined();
  expect(stampOf('{"id":"m1"}')).toBeUndefined();
  expect(stampOf('{"timestamp":"soon"}')).toBeUndefined();
  expect(stampOf(`{"id":"${"m".repeat(300)}","timestamp":5}`)).toBeUndefined();
});
