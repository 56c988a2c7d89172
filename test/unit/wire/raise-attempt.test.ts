import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  encodeMessageRecord,
  parseVerdictHeader,
  raiseAttempt,
  recordTemplate,
  sliceEvent,
  type LogRecord,
} from "../../../src/wire/record.ts";

const template = recordTemplate({
  tenant: "acme",
  conversation: "général 漢字",
  sender: 'a"na\\',
  key: "général 漢字",
  source: "gateway/1",
});

function record(attempt: number, content = "{}"): LogRecord {
  return encodeMessageRecord(template, {
    key: "0198aaaa-bbbb-7ccc-8ddd-000000000001",
    id: "0198aaaa-bbbb-7ccc-8ddd-000000000001.abcdefghijklmnop",
    attempt,
    kind: "text",
    timestamp: 1_795_254_378_085,
    content,
    fingerprint: "3w5e11264sgsf",
  });
}

const attemptOf = (one: LogRecord | undefined) => one && parseVerdictHeader(one)?.attempt;

test("a first try and an unknown one become the second, later ones the next", () => {
  expect(
    [0, 1, 2, 9, 1_000_000].map((attempt) => attemptOf(raiseAttempt(record(attempt)))),
  ).toEqual([2, 2, 3, 10, 1_000_001]);
});

test("several tries are counted at once, and none still makes a first try the second", () => {
  expect(attemptOf(raiseAttempt(record(2), 3))).toBe(5);
  expect(attemptOf(raiseAttempt(record(2), 0))).toBe(2);
  expect(attemptOf(raiseAttempt(record(1), 0))).toBe(2);
});

test("the number stops where a header has no more room for it", () => {
  let last = raiseAttempt(record(1), 9_999_998) as LogRecord;
  expect(attemptOf(last)).toBe(9_999_999);
  last = raiseAttempt(last) as LogRecord;
  expect(attemptOf(last)).toBe(9_999_999);
});

test("everything but the attempt stays to the byte, other headers too", () => {
  fc.assert(
    fc.property(fc.nat({ max: 1_000_000 }), fc.json(), (attempt, content) => {
      const before = {
        ...record(attempt, content),
        headers: { ...record(attempt).headers, other: "x" },
      };
      const after = raiseAttempt({
        ...record(attempt, content),
        headers: before.headers,
      }) as LogRecord;
      expect(after.key).toBe(before.key);
      expect(after.value).toBe(record(attempt, content).value);
      expect(after.headers["other"]).toBe("x");
      const [was, is] = [parseVerdictHeader(record(attempt, content)), parseVerdictHeader(after)];
      if (was === undefined || is === undefined) throw new Error("the header cannot be read");
      expect({ ...is, attempt: 0 }).toEqual({ ...was, attempt: 0 });
      expect(sliceEvent(after, is)).toBe(sliceEvent(record(attempt, content), was));
    }),
  );
});

test("a record that is not one of ours, or damaged, is not raised", () => {
  const own = record(1);
  expect(raiseAttempt({ ...own, headers: {} })).toBeUndefined();
  expect(raiseAttempt({ ...own, value: "nonsense" })).toBeUndefined();
  expect(raiseAttempt({ ...own, headers: { tidegate: "1 x y z" } })).toBeUndefined();
});
