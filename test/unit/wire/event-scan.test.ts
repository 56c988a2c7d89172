import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AppError } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import type { SendCommand } from "../../../src/wire/command.ts";
import { eventLineSchema, readIngestLine, type EventLine } from "../../../src/wire/event-line.ts";
import { scanEvent } from "../../../src/wire/event-scan.ts";
import { scanNamelessSend } from "../../../src/wire/send-scan.ts";
import { sendLine } from "./send-arbitrary.ts";

const limits = limitsWith({ contentBytesMax: 200 });
const RUNS = 30_000;

const rarely = <T>(common: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: common, weight: 20 }, { arbitrary: odd, weight: 1 });
const blank = rarely(fc.constant(""), fc.constantFrom(" ", "  ", "\t", "\r"));
const type = rarely(
  fc.constantFrom("analytics.a", "analytics.page-viewed.x_1", "business.orders.created"),
  fc.constantFrom(
    "analytics",
    "analytics.",
    "analytics.A",
    "analytics.a.b.c.d.e",
    "business.orders",
    "business.a_b.c",
    "business.a.b.c",
    "chat.x",
    "",
    `analytics.${"a".repeat(100)}`,
    "analytics.\\u0061",
  ),
).map((text) => `"${text}"`);
const text = rarely(
  fc.constantFrom("user-1", "é", "😀", "a b", "x".repeat(200)),
  fc.constantFrom("", "a\\u0062", "\\n", "x".repeat(201), "é".repeat(101), '\\"', "\u2028"),
).map((one) => `"${one}"`);
const id = rarely(
  fc.constantFrom("a", "A-_9", "x".repeat(64)),
  fc.constantFrom("", "a.b", "x".repeat(65), "é", "a\\u0062"),
).map((one) => `"${one}"`);
const timestamp = rarely(
  fc.constantFrom("1", "1795254378085", "99999999999999"),
  fc.constantFrom("0", "-1", "1.5", "1e3", "01", "253402300799999", "253402300800000", '"1"'),
);
const payload = rarely(
  fc
    .constantFrom("{}", '{"a":[1,true,null]}', '{ "a" : "é😀\\n" }', `{"a":"${"x".repeat(192)}"}`)
    .map(String),
  fc.constantFrom("[]", "1", '"x"', '{"a":}', "{", `{"a":"${"é".repeat(97)}"}`, "null"),
);
const member = fc.oneof(
  fc.tuple(fc.constant("type"), type),
  fc.tuple(fc.constant("key"), text),
  fc.tuple(fc.constant("id"), id),
  fc.tuple(fc.constant("timestamp"), timestamp),
  fc.tuple(fc.constant("payload"), payload),
  fc.tuple(fc.constantFrom("other", "ty\\u0070e", "__proto__", "send"), fc.constant("{}")),
);
const needed = fc.tuple(
  type.map((one) => ["type", one] as const),
  payload.map((one) => ["payload", one] as const),
);
const members = fc
  .tuple(
    rarely<readonly (readonly [string, string])[]>(needed, fc.constant([])),
    fc.uniqueArray(member, { selector: ([name]) => name }),
  )
  .chain(([two, more]) => {
    const rest = more.filter(([name]) => name !== "type" && name !== "payload");
    const all = [...two, ...rest];
    return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
  });
const eventLine = fc
  .tuple(
    rarely(members, fc.array(member)),
    fc.infiniteStream(blank),
    rarely(fc.constant(""), fc.constantFrom("x", ",", "}", "\r")),
  )
  .map(([all, blanks, tail]) => {
    const next = (): string => blanks.next().value as string;
    const texts = all.map(([name, value]) => `${next()}"${name}":${next()}${value}${next()}`);
    return `{${texts.join(",")}}${next()}${tail}`;
  });

const plain = (event: EventLine) => ({ ...event, payload: JSON.parse(event.payload) as unknown });

describe("a generated line", () => {
  test("of an event is scanned to what JSON.parse and the schema make of it, or left to them", () => {
    const seen = { fast: 0, slow: 0, refused: 0 };
    const out: EventLine = { type: "", key: "", id: "", timestamp: "", payload: "" };
    fc.assert(
      fc.property(eventLine, (line) => {
        const end = scanEvent(line, 0, limits, out);
        const read = readIngestLine(line, limits);
        if (read instanceof AppError || read.verb !== "publish") {
          expect(end).toBe(-1);
          seen.refused++;
          return;
        }
        const value = JSON.parse(line) as Record<string, string | undefined>;
        expect(eventLineSchema.safeParse(value).success).toBe(true);
        expect(plain(read.event)).toEqual({
          type: String(value["type"]),
          key: String(value["key"] ?? ""),
          id: String(value["id"] ?? ""),
          timestamp: String(value["timestamp"] ?? ""),
          payload: value["payload"],
        });
        if (end < 0) {
          seen.slow++;
          return;
        }
        expect(end).toBe(line.length);
        expect(out).toEqual(read.event);
        seen.fast++;
      }),
      { numRuns: RUNS },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(RUNS / 20);
  }, 60_000);

  test("of chat is scanned to the command that a socket's would be, or left to the schema", () => {
    const seen = { fast: 0, slow: 0, refused: 0 };
    fc.assert(
      fc.property(sendLine, (full) => {
        const line = full.replace(/^\{"id": ?[0-9]+ ?,/, "{");
        const commands: SendCommand[] = [];
        const end = scanNamelessSend(line, 0, limits, commands);
        const read = readIngestLine(line.replaceAll("\n", " "), limits);
        if (read instanceof AppError || read.verb !== "send") {
          expect(end).toBe(-1);
          expect(commands).toEqual([]);
          seen.refused++;
        } else if (end < 0) seen.slow++;
        else {
          expect(end).toBe(line.length);
          expect(commands).toEqual([{ verb: "send", id: 0, ...read.command }]);
          seen.fast++;
        }
      }),
      { numRuns: RUNS },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(RUNS / 50);
  }, 60_000);
});

describe("a line that is refused", () => {
  const said = (line: string): string => {
    const read = readIngestLine(line, limitsWith({ frameDepthMax: 4, contentBytesMax: 20 }));
    return read instanceof AppError ? `${read.code}: ${read.message}` : "taken";
  };

  test("is told what is wrong with it", () => {
    const type = '"type":"analytics.a"';
    expect([
      said("[]"),
      said("nonsense"),
      said(`{${type}}`),
      said(`{"payload":{}}`),
      said(`{"type":"chat.x","payload":{}}`),
      said(`{"type":"business.orders","payload":{}}`),
      said(`{${type},"payload":[]}`),
      said(`{${type},"key":"","payload":{}}`),
      said(`{${type},"id":"a b","payload":{}}`),
      said(`{${type},"timestamp":"now","payload":{}}`),
      said(`{${type},"payload":{"a":[[[[]]]]}}`),
      said(`{${type},"payload":{"a":"${"x".repeat(30)}"}}`),
      said(`{${type},"send":{},"payload":{}}`),
      said(`{"send":{"conversation":"a","key":"weak","content":{}}}`),
    ]).toEqual([
      "invalid_event: the line is an array, which goes as application/json",
      "invalid_event: the line is not a JSON object",
      "invalid_event: payload is missing",
      "invalid_event: type is missing",
      "invalid_event: type begins with neither analytics. nor business.",
      "invalid_event: type is not business.{domain}.{event-type}",
      "invalid_event: payload is not a JSON object",
      "invalid_event: key is empty",
      "invalid_event: id has a character outside A-Z a-z 0-9 _ -",
      "invalid_event: timestamp is not an integer",
      "invalid_event: the line is nested more than 4 deep",
      "content_too_large: payload is longer than 20 bytes",
      "invalid_event: the line is both a send and an event",
      "key_weak: send.key is shorter than 16 characters",
    ]);
  });

  test("is so at the limits of its key and its id, not before: eventKeyBytesMax, eventIdCharsMax", () => {
    const { eventKeyBytesMax, eventIdCharsMax } = limitsWith();
    const line = (key: number, id: number): string =>
      `{"type":"analytics.a","key":"${"k".repeat(key)}","id":"${"i".repeat(id)}","payload":{}}`;
    const out: EventLine = { type: "", key: "", id: "", timestamp: "", payload: "" };
    const full = line(eventKeyBytesMax, eventIdCharsMax);
    expect(scanEvent(full, 0, limitsWith(), out)).toBe(full.length);
    expect(said(full)).toBe("taken");
    expect(said(line(eventKeyBytesMax + 1, 1))).toContain(`key is longer than ${eventKeyBytesMax}`);
    expect(said(line(1, eventIdCharsMax + 1))).toContain(`id is longer than ${eventIdCharsMax}`);
  });
});
