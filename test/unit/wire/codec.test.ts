import { describe, expect, test } from "bun:test";
import { limitsWith, type Limits } from "../../../src/limits.ts";
import { parseFrame } from "../../../src/wire/codec.ts";
import type { SendCommand } from "../../../src/wire/command.ts";
import type { FrameFault, InvalidCommand, Line } from "../../../src/wire/read-line.ts";

const limits = limitsWith();
const KEY = "0190c0de-1234-7abc-8def-0123456789ab";
const START = `{"id":3,"send":{"conversation":"general","key":"${KEY}"`;
const send = (content: string, more = "") => `${START}${more},"content":${content}}}`;

function read(text: string, changes: Partial<Limits> = {}): Line[] {
  const out: Line[] = [];
  expect(parseFrame(text, { ...limits, ...changes }, out)).toBeUndefined();
  return out;
}

function fault(text: string, changes: Partial<Limits> = {}): FrameFault | undefined {
  const out: Line[] = [{ verb: "pong" }];
  const result = parseFrame(text, { ...limits, ...changes }, out);
  expect(out).toEqual([]);
  return result;
}

/** For titles: escaped, and no longer than a line. */
const shown = (text: string) => JSON.stringify(text.slice(0, 90)).slice(1, -1);

const contentOf = (text: string) => (read(text)[0] as SendCommand).content;

describe("a frame", () => {
  test("holds commands of all verbs, one a line, in their order", () => {
    const lines = [
      '{"id":1,"connect":{"token":"t","client":"web/1.4"}}',
      '{"id":2,"subscribe":{"conversation":"general","cursor":"e1.120"}}',
      send('{"text":"hi"}', ',"attempt":1,"type":"image"'),
      '{"id":4,"history":{"conversation":"general","limit":10,"before":"e1.7"}}',
      '{"id":5,"unsubscribe":{"conversation":"general"}}',
      '{"id":6,"refresh":{"token":"t"}}',
      "{}",
    ];
    expect(read(lines.join("\n"))).toEqual([
      { verb: "connect", id: 1, token: "t", client: "web/1.4" },
      { verb: "subscribe", id: 2, conversation: "general", cursor: "e1.120" },
      {
        verb: "send",
        id: 3,
        conversation: "general",
        key: KEY,
        attempt: 1,
        kind: "image",
        content: '{"text":"hi"}',
      },
      { verb: "history", id: 4, conversation: "general", limit: 10, before: "e1.7" },
      { verb: "unsubscribe", id: 5, conversation: "general" },
      { verb: "refresh", id: 6, token: "t" },
      { verb: "pong" },
    ]);
  });

  test("may have blank lines, carriage returns and a line feed at its end", () => {
    expect(
      read(`\n\r\n \t\n${send("{}")}\r\n\n{}\n${send("{}")}\n`).map((line) => line.verb),
    ).toEqual(["send", "pong", "send"]);
  });

  test("replaces what the caller's array held before", () => {
    const out: Line[] = [{ verb: "pong" }, { verb: "pong" }];
    parseFrame(send("{}"), limits, out);
    expect(out.map((line) => line.verb)).toEqual(["send"]);
  });

  test("ignores fields that it does not know, at each level", () => {
    const [line] = read(`{"id":1,"trace":{"a":[1]},"unsubscribe":{"conversation":"a","why":null}}`);
    expect(line).toEqual({ verb: "unsubscribe", id: 1, conversation: "a" });
    expect(read(send("{}", ',"mood":{"x":[]}'))[0]?.verb).toBe("send");
  });

  const faults: [FrameFault, string, Partial<Limits>?][] = [
    ["malformed_frame", ""],
    ["malformed_frame", "\n \r\n"],
    ["malformed_frame", "hello"],
    ["malformed_frame", "7"],
    ["malformed_frame", "null"],
    ["malformed_frame", '"text"'],
    ["malformed_frame", "[]"],
    ["malformed_frame", `[${send("{}")}]`],
    ["malformed_frame", `${send("{}")}{}`],
    ["malformed_frame", `${send("{}")},`],
    ["malformed_frame", send("{}").slice(0, -1)],
    ["malformed_frame", `${send("{}")}}`],
    ["malformed_frame", send('{"a":01}')],
    ["malformed_frame", send('{"a":"\t"}')],
    ["malformed_frame", send('{"a":"\u0000"}')],
    ["malformed_frame", send('{"a":"\\x"}')],
    ["malformed_frame", send('{"a":1,}')],
    ["malformed_frame", send("{a:1}")],
    ["malformed_frame", `\ufeff${send("{}")}`],
    ["malformed_frame", '{"a":[1\n2]}'],
    ["malformed_frame", `${START},"content":{"a":"b\nc"}}}`],
    ["malformed_frame", `${START},\n"content":{}}}`],
    ["malformed_frame", `${send("{}")}\n{}\nx`],
    ["frame_too_large", send(`{"a":"${"x".repeat(limits.frameBytesMax)}"}`)],
    ["frame_too_large", `${send("{}")}${" ".repeat(limits.frameBytesMax)}`],
    ["frame_too_large", send(`{"a":"é"}`), { frameBytesMax: send('{"a":"é"}').length }],
    ["frame_too_deep", send(`{"a":${"[".repeat(30)}${"]".repeat(30)}}`)],
    ["frame_too_deep", `{"id":1,"x":${'{"a":'.repeat(32)}1${"}".repeat(32)}}`],
    ["frame_too_deep", "[".repeat(100_000)],
    ["frame_too_deep", '{"a":'.repeat(40_000)],
    ["too_many_lines", "{}\n".repeat(limits.frameLinesMax + 1)],
    ["too_many_lines", `${send("{}")}\n${send("{}")}\n${send("{}")}`, { frameLinesMax: 2 }],
  ];
  for (const [expected, text, changes] of faults) {
    test(`is at fault and leaves no command, ${expected}: ${shown(text)}`, () => {
      expect(fault(text, changes)).toBe(expected);
    });
  }

  test("may be exactly as large, deep and long as the limits say", () => {
    const text = send('{"a":"é"}');
    expect(read(text, { frameBytesMax: text.length + 1 })[0]?.verb).toBe("send");
    expect(read(send(`{"a":${"[".repeat(29)}${"]".repeat(29)}}`))[0]?.verb).toBe("send");
    expect(read("{}\n".repeat(limits.frameLinesMax))).toHaveLength(limits.frameLinesMax);
  });
});

describe("the content of a send", () => {
  test.each([
    '{"text":"Grüße \\u00e9 \\ud83d\\ude00 😀 \\/ \\\\ \\"q\\" \\n"}',
    '{ "b" : 1.0 , "a" : 1e+02,"a":-0 }',
    '{"lone":"\\ud800","other":"\\uDFFF x"}',
    '{"__proto__":{"polluted":true},"constructor":{"prototype":1}}',
    '{"content":{"content":[{},[],"}}"]}}',
    '{"n":123456789012345678901234567890.10}',
    "{}",
  ])("comes back to the byte: %s", (content) => {
    expect(contentOf(send(content))).toBe(content);
    expect(contentOf(send(content, ',"x":1'))).toBe(content);
    expect(
      contentOf(`{"send":{"content":${content},"key":"${KEY}","conversation":"a"},"id":1}`),
    ).toBe(content);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test("is the last one where there are several, as in JSON.parse", () => {
    expect(contentOf(`${START},"content":{"a":1},"c\\u006fntent":{"a":2}}}`)).toBe('{"a":2}');
    expect(
      contentOf(
        `{"id":1,"send":{"content":{"a":0}},"send":{"conversation":"a","key":"${KEY}","content":{"b":1}}}`,
      ),
    ).toBe('{"b":1}');
  });

  test("has spaces where the client put carriage returns between its tokens", () => {
    expect(contentOf(send('{"a":\r1}'))).toBe('{"a": 1}');
  });

  test("may be as long as the limit in bytes of UTF-8, and no longer", () => {
    const of = (bytes: number) => `{"a":"${"é".repeat((bytes - 8) / 2)}"}`;
    expect(contentOf(send(of(limits.contentBytesMax)))).toHaveLength(
      8 + (limits.contentBytesMax - 8) / 2,
    );
    const [line] = read(send(of(limits.contentBytesMax + 2)));
    expect((line as InvalidCommand).error).toMatchObject({
      code: "content_too_large",
      field: "send.content",
      limit: limits.contentBytesMax,
      message: `send.content is longer than ${limits.contentBytesMax} bytes`,
    });
  });
});
