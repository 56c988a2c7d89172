import { describe, expect, test } from "bun:test";
import type { ErrorCode } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import { parseFrame } from "../../../src/wire/codec.ts";
import type { InvalidCommand, Line } from "../../../src/wire/read-line.ts";

const KEY = "0190c0de-1234-7abc-8def-0123456789ab";
const send = `{"id":3,"send":{"conversation":"general","key":"${KEY}","content":{}}}`;

function read(text: string): Line[] {
  const out: Line[] = [];
  expect(parseFrame(text, limitsWith(), out)).toBeUndefined();
  return out;
}

/** For titles: escaped, and no longer than a line. */
const shown = (text: string) => JSON.stringify(text.slice(0, 90)).slice(1, -1);

describe("an object that is no valid command", () => {
  const body = (fields: string) => `{"id":9,"send":{${fields}}}`;
  const good = { c: '"conversation":"a"', k: `"key":"${KEY}"`, x: '"content":{}' };
  const rows: [string, number, ErrorCode, string | undefined, string, number?][] = [
    ['{"send":{}}', 0, "invalid_command", "id", "id is missing"],
    ['{"id":0,"send":{}}', 0, "invalid_command", "id", "id is not an integer from 1"],
    ['{"id":"1","send":{}}', 0, "invalid_command", "id", "id is not an integer from 1"],
    ['{"id":1.5,"send":{}}', 0, "invalid_command", "id", "id is not an integer from 1"],
    [
      '{"id":9007199254740992,"send":{}}',
      0,
      "invalid_command",
      "id",
      "id is not an integer from 1",
    ],
    ['{"id":9}', 9, "invalid_command", undefined, "the command has no verb"],
    [
      '{"id":9,"send":{},"history":{}}',
      9,
      "invalid_command",
      undefined,
      "the command has several verbs: send, history",
    ],
    ['{"id":9,"sing":{}}', 9, "unknown_verb", "sing", 'there is no command "sing"'],
    ['{"id":9,"toString":{}}', 9, "unknown_verb", "toString", 'there is no command "toString"'],
    [
      '{"id":9,"__proto__":{"send":{}}}',
      9,
      "unknown_verb",
      "__proto__",
      'there is no command "__proto__"',
    ],
    [
      `{"id":9,"${"x".repeat(5000)}":{}}`,
      9,
      "unknown_verb",
      "x".repeat(40),
      `there is no command "${"x".repeat(40)}"`,
    ],
    ['{"id":9,"send":null}', 9, "invalid_command", "send", "send is not an object"],
    ['{"id":9,"history":[]}', 9, "invalid_command", "history", "history is not an object"],
    [
      body(`${good.k},${good.x}`),
      9,
      "invalid_command",
      "send.conversation",
      "send.conversation is missing",
    ],
    [
      body(`"conversation":7,${good.k},${good.x}`),
      9,
      "invalid_conversation",
      "send.conversation",
      "send.conversation is not a string",
    ],
    [
      body(`"conversation":"",${good.k},${good.x}`),
      9,
      "invalid_conversation",
      "send.conversation",
      "send.conversation is empty",
    ],
    [
      body(`"conversation":"${"é".repeat(101)}",${good.k},${good.x}`),
      9,
      "invalid_conversation",
      "send.conversation",
      "send.conversation is longer than 200 bytes",
      200,
    ],
    [
      body(`"conversation":"${"x".repeat(10_000)}",${good.k},${good.x}`),
      9,
      "invalid_conversation",
      "send.conversation",
      "send.conversation is longer than 200 bytes",
      200,
    ],
    [
      body(`"conversation":"a\\u0000",${good.k},${good.x}`),
      9,
      "invalid_conversation",
      "send.conversation",
      "send.conversation has a control character",
    ],
    [
      body(`"conversation":"\\ud800",${good.k},${good.x}`),
      9,
      "invalid_conversation",
      "send.conversation",
      "send.conversation has a lone surrogate",
    ],
    [body(`${good.c},${good.x}`), 9, "invalid_command", "send.key", "send.key is missing"],
    [body(`${good.c},"key":1,${good.x}`), 9, "key_weak", "send.key", "send.key is not a string"],
    [
      body(`${good.c},"key":"abc",${good.x}`),
      9,
      "key_weak",
      "send.key",
      "send.key is shorter than 16 characters",
      16,
    ],
    [
      body(`${good.c},"key":"${"aB3".repeat(30)}",${good.x}`),
      9,
      "key_weak",
      "send.key",
      "send.key is longer than 64 characters",
      64,
    ],
    [
      body(`${good.c},"key":"1234567890123456",${good.x}`),
      9,
      "key_weak",
      "send.key",
      "send.key has room for fewer than 96 random bits",
      96,
    ],
    [
      body(`${good.c},"key":"${"0".repeat(35)}1",${good.x}`),
      9,
      "key_weak",
      "send.key",
      "send.key has fewer than 6 different characters",
      6,
    ],
    [
      body(`${good.c},"key":"0190c0de 1234 7abc 8def 0123456789ab",${good.x}`),
      9,
      "key_weak",
      "send.key",
      "send.key has a character outside A-Z a-z 0-9 _ -",
    ],
    [body(`${good.c},${good.k}`), 9, "invalid_command", "send.content", "send.content is missing"],
    [
      body(`${good.c},${good.k},"content":null`),
      9,
      "invalid_content",
      "send.content",
      "send.content is not a JSON object",
    ],
    [
      body(`${good.c},${good.k},"content":[{}]`),
      9,
      "invalid_content",
      "send.content",
      "send.content is not a JSON object",
    ],
    [
      body(`${good.c},${good.k},"content":"{}"`),
      9,
      "invalid_content",
      "send.content",
      "send.content is not a JSON object",
    ],
    [
      body(`${good.c},${good.k},${good.x},"attempt":0`),
      9,
      "invalid_command",
      "send.attempt",
      "send.attempt is less than 1",
      1,
    ],
    [
      body(`${good.c},${good.k},${good.x},"attempt":1000001`),
      9,
      "invalid_command",
      "send.attempt",
      "send.attempt is more than 1000000",
      1_000_000,
    ],
    [
      body(`${good.c},${good.k},${good.x},"attempt":1.5`),
      9,
      "invalid_command",
      "send.attempt",
      "send.attempt is not an integer",
    ],
    [
      body(`${good.c},${good.k},${good.x},"type":"audio"`),
      9,
      "invalid_command",
      "send.type",
      "send.type is not one of text, file, image, video",
    ],
    [
      '{"id":9,"subscribe":{"conversation":"a","cursor":"nonsense"}}',
      9,
      "invalid_cursor",
      "subscribe.cursor",
      "subscribe.cursor is not a cursor",
    ],
    [
      `{"id":9,"subscribe":{"conversation":"a","cursor":"${"e".repeat(100)}.1"}}`,
      9,
      "invalid_cursor",
      "subscribe.cursor",
      "subscribe.cursor is not a cursor",
    ],
    [
      '{"id":9,"subscribe":{"conversation":"a","cursor":5}}',
      9,
      "invalid_cursor",
      "subscribe.cursor",
      "subscribe.cursor is not a string",
    ],
    [
      '{"id":9,"subscribe":{"conversation":"a","cursor":"e.1","tail":3}}',
      9,
      "invalid_command",
      "subscribe.tail",
      "subscribe.tail takes a cursor or a tail, not both",
    ],
    [
      '{"id":9,"subscribe":{"conversation":"a","tail":1001}}',
      9,
      "invalid_command",
      "subscribe.tail",
      "subscribe.tail is more than 1000",
      1000,
    ],
    [
      '{"id":9,"history":{"conversation":"a","after":"e.1","before":"e.9"}}',
      9,
      "invalid_command",
      "history.before",
      "history.before takes after or before, not both",
    ],
    [
      '{"id":9,"history":{"conversation":"a","limit":0}}',
      9,
      "invalid_command",
      "history.limit",
      "history.limit is less than 1",
      1,
    ],
    ['{"id":9,"connect":{}}', 9, "invalid_command", "connect.token", "connect.token is missing"],
    [
      '{"id":9,"connect":{"token":""}}',
      9,
      "invalid_command",
      "connect.token",
      "connect.token is empty",
      1,
    ],
    [
      `{"id":9,"connect":{"token":"${"x".repeat(8193)}"}}`,
      9,
      "unauthenticated",
      "connect.token",
      "connect.token is longer than 8192 characters",
      8192,
    ],
    [
      `{"id":9,"connect":{"token":"t","client":"${"x".repeat(101)}"}}`,
      9,
      "invalid_command",
      "connect.client",
      "connect.client is longer than 100 bytes",
      100,
    ],
  ];

  for (const [text, id, code, field, message, limit] of rows) {
    test(`is refused since ${shown(message)}: ${shown(text)}`, () => {
      const [line] = read(text);
      expect(line?.verb).toBe("invalid");
      const { error, ...rest } = line as InvalidCommand;
      expect(rest).toEqual({ verb: "invalid", id });
      const told = { code: error.code, field: error.field, message: error.message };
      expect({ ...told, limit: error.limit }).toEqual({ code, field, message, limit });
    });
  }

  test("leaves the other lines of its frame alone", () => {
    expect(read(`${send}\n{"id":9,"sing":{}}\n${send}`).map((line) => line.verb)).toEqual([
      "send",
      "invalid",
      "send",
    ]);
  });
});
