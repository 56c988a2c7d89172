import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CLOSE_TABLE } from "../../src/close-codes.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { limitsWith } from "../../src/limits.ts";
import { Bystander } from "../support/gateway/bystander.ts";
import type { ProtocolClient } from "../support/gateway/protocol-client.ts";
import { freshKey } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";

const limits = limitsWith();
let gateway: TestGateway;
let bystander: Bystander;
let client: ProtocolClient;

beforeAll(async () => {
  gateway = await TestGateway.start();
  bystander = await Bystander.join(gateway);
  client = await gateway.connect({ user: "mallory" });
});

afterAll(async () => {
  await client.close();
  await bystander[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});

const message = (changes: object) => ({
  conversation: "commands",
  key: freshKey(),
  attempt: 1,
  content: {},
  ...changes,
});

describe("a command that is not valid is refused, and its socket goes on", () => {
  const bad: readonly (readonly [string, string, unknown, ErrorCode, string | undefined])[] = [
    ["a verb that there is not", "shout", {}, "unknown_verb", "shout"],
    ["a verb of Object's prototype", "toString", {}, "unknown_verb", "toString"],
    ["__proto__ as verb", "__proto__", {}, "unknown_verb", "__proto__"],
    ["a body that is a list", "send", [], "invalid_command", "send"],
    ["a body that is null", "subscribe", null, "invalid_command", "subscribe"],
    ["a body that is text", "history", "x", "invalid_command", "history"],
    [
      "a number as conversation",
      "subscribe",
      { conversation: 7 },
      "invalid_conversation",
      "subscribe.conversation",
    ],
    ["no conversation", "unsubscribe", {}, "invalid_command", "unsubscribe.conversation"],
    [
      "a tail that is text",
      "subscribe",
      { conversation: "a", tail: "5" },
      "invalid_command",
      "subscribe.tail",
    ],
    [
      "a tail below nothing",
      "subscribe",
      { conversation: "a", tail: -1 },
      "invalid_command",
      "subscribe.tail",
    ],
    [
      "a tail beyond the limit",
      "subscribe",
      { conversation: "a", tail: limits.tailMax + 1 },
      "invalid_command",
      "subscribe.tail",
    ],
    [
      "a tail beside a cursor",
      "subscribe",
      { conversation: "a", tail: 1, cursor: "e.1" },
      "invalid_command",
      "subscribe.tail",
    ],
    [
      "a cursor that is none",
      "subscribe",
      { conversation: "a", cursor: "latest" },
      "invalid_cursor",
      "subscribe.cursor",
    ],
    [
      "a cursor that is a number",
      "subscribe",
      { conversation: "a", cursor: 12 },
      "invalid_cursor",
      "subscribe.cursor",
    ],
    [
      "a cursor with SQL",
      "history",
      { conversation: "a", after: "e.1' OR 1=1 --" },
      "invalid_cursor",
      "history.after",
    ],
    [
      "a cursor beyond the limit",
      "history",
      { conversation: "a", before: `${"e".repeat(limits.cursorBytesMax)}.1` },
      "invalid_cursor",
      "history.before",
    ],
    [
      "a cursor beyond all integers",
      "history",
      { conversation: "a", after: "e.9999999999999999" },
      "invalid_cursor",
      "history.after",
    ],
    [
      "both ends of a history",
      "history",
      { conversation: "a", after: "e.1", before: "e.5" },
      "invalid_command",
      "history.before",
    ],
    [
      "a limit of nothing",
      "history",
      { conversation: "a", limit: 0 },
      "invalid_command",
      "history.limit",
    ],
    [
      "a limit beyond the limit",
      "history",
      { conversation: "a", limit: limits.historyLimitMax + 1 },
      "invalid_command",
      "history.limit",
    ],
    ["an attempt of nothing", "send", message({ attempt: 0 }), "invalid_command", "send.attempt"],
    [
      "an attempt beyond the limit",
      "send",
      message({ attempt: limits.attemptMax + 1 }),
      "invalid_command",
      "send.attempt",
    ],
    [
      "a kind that there is not",
      "send",
      message({ type: "sticker" }),
      "invalid_command",
      "send.type",
    ],
    [
      "content that is text",
      "send",
      message({ content: "hello" }),
      "invalid_content",
      "send.content",
    ],
    ["content that is a list", "send", message({ content: [] }), "invalid_content", "send.content"],
    ["content that is null", "send", message({ content: null }), "invalid_content", "send.content"],
    ["no content", "send", message({ content: undefined }), "invalid_command", "send.content"],
    [
      "content beyond the limit",
      "send",
      message({ content: { text: "x".repeat(limits.contentBytesMax) } }),
      "content_too_large",
      "send.content",
    ],
    [
      "content beyond the limit in UTF-8",
      "send",
      message({ content: { text: "€".repeat(limits.contentBytesMax / 3) } }),
      "content_too_large",
      "send.content",
    ],
    ["no key", "send", message({ key: undefined }), "invalid_command", "send.key"],
    [
      "a key below the limit",
      "send",
      message({ key: freshKey().slice(0, limits.keyCharsMin - 1) }),
      "key_weak",
      "send.key",
    ],
    [
      "a key of too few bits",
      "send",
      message({
        key: freshKey()
          .replaceAll("-", "")
          .slice(0, limits.keyBitsMin / 4 - 1),
      }),
      "key_weak",
      "send.key",
    ],
    [
      "a counter as key",
      "send",
      message({ key: "0000000000000000000000000000001" }),
      "key_weak",
      "send.key",
    ],
    ["sixteen digits as key", "send", message({ key: "4815162342108915" }), "key_weak", "send.key"],
    [
      "a key beyond the limit",
      "send",
      message({ key: "aB3-".repeat(limits.keyCharsMax / 4) + "x" }),
      "key_weak",
      "send.key",
    ],
    [
      "a key with a slash",
      "send",
      message({ key: `${freshKey().slice(0, -1)}/` }),
      "key_weak",
      "send.key",
    ],
    [
      "a key with a NUL",
      "send",
      message({ key: `${freshKey().slice(0, -1)}\u0000` }),
      "key_weak",
      "send.key",
    ],
  ];

  for (const [what, verb, body, code, field] of bad) {
    test(`${what}: ${code}`, async () => {
      // A literal with __proto__ would set the prototype.
      const refusal = () => client.refusal(verb, body);
      const asked = verb === "__proto__" ? rawRefusal(`"__proto__":{}`) : refusal();
      const error = await bystander.during(() => asked);
      expect(error).toMatchObject({ code, field, retriable: false });
    });
  }

  async function rawRefusal(members: string): Promise<unknown> {
    const id = client.nextId();
    client.text(`{"id":${id},${members}}`);
    const line = await client.replyTo(id);
    return line.kind === "error" ? line.error : line;
  }

  const names: readonly (readonly [string, string])[] = [
    ["nothing", ""],
    ["10 KB", "n".repeat(10_240)],
    ["one byte beyond the limit", "n".repeat(limits.conversationBytesMax + 1)],
    ["fewer characters than bytes", "🌊".repeat(limits.conversationBytesMax / 4 + 1)],
    ["a NUL", "a\u0000b"],
    ["a line feed", "a\nb"],
    ["a DEL", "a\u007f"],
    ["a C1 control", "a\u0085"],
    ["a line separator", "a\u2028b"],
    ["a lone high surrogate", "a\ud83c"],
    ["a lone low surrogate", "\udf0aa"],
  ];

  for (const [what, conversation] of names) {
    test(`a conversation named by ${what}: invalid_conversation`, async () => {
      const bodies = [
        ["subscribe", { conversation }],
        ["unsubscribe", { conversation }],
        ["history", { conversation }],
        ["send", message({ conversation })],
      ] as const;
      await bystander.during(async () => {
        for (const [verb, body] of bodies) {
          const error = await client.refusal(verb, body);
          expect(error).toMatchObject({
            code: "invalid_conversation",
            field: `${verb}.conversation`,
          });
        }
      });
    });
  }

  test("a command without id, or with a wrong one, is refused under 0", async () => {
    await bystander.during(async () => {
      for (const id of [
        "",
        '"id":0,',
        '"id":-1,',
        '"id":1.5,',
        '"id":"7",',
        '"id":1e99,',
        '"id":null,',
      ]) {
        const before = client.errors().length;
        client.text(`{${id}"history":{"conversation":"a"}}`);
        await client.until("the error came", () => client.errors().length > before);
        expect(client.errors().at(-1)).toMatchObject({
          id: 0,
          error: { code: "invalid_command", field: "id" },
        });
      }
    });
  });

  test("a command with two verbs, or with none, is refused", async () => {
    expect(await rawRefusal('"send":{},"history":{}')).toMatchObject({ code: "invalid_command" });
    expect(await rawRefusal('"x":0')).toMatchObject({ code: "unknown_verb" });
    const id = client.nextId();
    client.text(`{"id":${id}}`);
    expect(await client.replyTo(id)).toMatchObject({ error: { code: "invalid_command" } });
  });

  test("unknown fields are ignored", async () => {
    const { message: id } = await client.ask("send", message({ colour: "blue", __proto: 1 }));
    expect(id).not.toBe("");
  });

  test("too many refusals in a row close the socket: too_many_errors", async () => {
    const closed = await bystander.during(async () => {
      await using other = await gateway.connect({ user: "mallory" });
      for (let i = 0; i <= limits.invalidCommandsMax; i++)
        other.text(`{"id":${i + 10},"shout":{}}`);
      const end = await other.end();
      expect(other.errors()).toHaveLength(limits.invalidCommandsMax + 1);
      return end;
    });
    expect(closed).toEqual(CLOSE_TABLE["too_many_errors"]);
  });
});
