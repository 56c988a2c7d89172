import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AppError } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import { parseSendBody } from "../../../src/wire/send-check.ts";

const limits = limitsWith();
const KEY = "0190c0de-1234-7abc-8def-0123456789ab";

describe("the body of a message over HTTP", () => {
  test("gives key, attempt, kind and content", () => {
    const text = `{"key":"${KEY}","attempt":2,"type":"file","content":{"a":1}}`;
    expect(parseSendBody(text, limits)).toEqual({
      key: KEY,
      attempt: 2,
      kind: "file",
      content: '{"a":1}',
    });
  });

  test("needs content only", () => {
    expect(parseSendBody('{"content":{}}', limits)).toEqual({
      key: undefined,
      attempt: 0,
      kind: "text",
      content: "{}",
    });
  });

  test("has its line breaks made spaces, and nothing within strings changed", () => {
    const text = '{\r\n\t"content": {\n\t"a": "x\\n\\r",\r\n  "b": [\n1\n] }\n}\n';
    expect(parseSendBody(text, limits)).toMatchObject({
      content: '{ \t"a": "x\\n\\r",    "b": [ 1 ] }',
    });
  });

  test("has content of one line that means the same, for any value and layout", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()),
        fc.constantFrom(0, 1, 2, "\r\n", "\t"),
        (content, space) => {
          const body = parseSendBody(JSON.stringify({ content }, null, space), limits);
          if (body instanceof AppError) throw body;
          expect(body.content).not.toMatch(/[\r\n]/);
          expect(JSON.stringify(JSON.parse(body.content))).toBe(JSON.stringify(content));
        },
      ),
      { numRuns: 2_000 },
    );
  });

  const refused = [
    ["", "invalid_command", "body", "body is not a JSON object"],
    ["[]", "invalid_command", "body", "body is not a JSON object"],
    ['{"content":{}}{}', "invalid_command", "body", "body is not a JSON object"],
    ['{"content":{"a":"x\ny"}}', "invalid_command", "body", "body is not a JSON object"],
    ["{}", "invalid_command", "content", "content is missing"],
    ['{"content":[]}', "invalid_content", "content", "content is not a JSON object"],
    ['{"content":{},"key":"short"}', "key_weak", "key", "key is shorter than 16 characters"],
    [
      '{"content":{},"type":"x"}',
      "invalid_command",
      "type",
      "type is not one of text, file, image, video",
    ],
    [
      `{"content":{"a":"${"x".repeat(65_536)}"}}`,
      "content_too_large",
      "content",
      "content is longer than 65536 bytes",
    ],
    [
      `{"content":{"a":${"[".repeat(30)}${"]".repeat(30)}}}`,
      "invalid_command",
      "body",
      "body is nested more than 31 deep",
    ],
  ] as const;
  for (const [text, code, field, message] of refused) {
    test(`is refused since ${message}: ${JSON.stringify(text.slice(0, 60))}`, () => {
      const error = parseSendBody(text, limits);
      expect(error).toBeInstanceOf(AppError);
      expect(error).toMatchObject({ code, field, message });
    });
  }

  test("may nest content as deep as a frame may", () => {
    expect(
      parseSendBody(`{"content":{"a":${"[".repeat(29)}${"]".repeat(29)}}}`, limits),
    ).not.toBeInstanceOf(AppError);
  });
});
