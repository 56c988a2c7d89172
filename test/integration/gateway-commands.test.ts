import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CLOSE_TABLE } from "../../src/close-codes.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { limitsWith } from "../../src/limits.ts";
import { Bystander } from "../support/gateway/bystander.ts";
import type { ProtocolClient } from "../support/gateway/protocol-client.ts";
import { freshKey, run, say } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import { trust } from "../support/gateway/trust.ts";

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
      "a cursor of 10 KB",
      "history",
      { conversation: "a", before: `${"e".repeat(10_240)}.1` },
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
    ["a short key", "send", message({ key: "msg-1" }), "key_weak", "send.key"],
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

describe("names are data", () => {
  for (const name of [
    "🌊 grüße",
    "__proto__",
    "constructor",
    "a/b",
    "../../etc",
    "%00",
    "'; DROP TABLE events; --",
    "x".repeat(limits.conversationBytesMax),
    "e\u0301 and é",
  ]) {
    test(`a conversation may be called ${JSON.stringify(name.slice(0, 30))}`, async () => {
      await bystander.during(async () => {
        await using reader = await gateway.connect({ user: name });
        const reply = await reader.ask("subscribe", { conversation: name });
        expect(reply).toMatchObject({ epoch: "", head: 0, floor: 1, recovered: true });
        await say(reader, name, name);
        await reader.until("the event came", () => reader.events(name).length === 1);
        const [push] = reader.events(name);
        expect(push).toMatchObject({ seq: 1, event: { sender: name, content: { text: name } } });
        await say(reader, name, "again");
        await reader.until("the next came", () => reader.events(name).length === 2);
        const history = await untilStored(reader, name, 2);
        expect(history.events.map(({ event }) => event.content)).toEqual([
          { text: name },
          { text: "again" },
        ]);
      });
    });
  }

  test("names that differ in normal form are two conversations", async () => {
    await say(client, "caf\u00e9", "composed");
    await say(client, "cafe\u0301", "decomposed");
    const history = await untilStored(client, "cafe\u0301", 1);
    expect(history.events.map(({ event }) => event.content)).toEqual([{ text: "decomposed" }]);
  });

  test("content comes back to the byte, on the socket and from history", async () => {
    const room = "content-to-the-byte";
    await using reader = await gateway.connectTcp({ user: "ana" });
    const content =
      '{ "a\\u00e4" : "\\ud800 lone, \\u0000, \\/ \\" 🌊", "__proto__":{"x":1}, "n":1.0e+2, "big":12345678901234567890,"a":1,"a":2 }';
    const seen: string[] = [];
    const heard = reader.client.heard.bind(reader.client);
    reader.client.heard = (frame) => (seen.push(frame), heard(frame));
    await reader.client.ask("subscribe", { conversation: room });
    reader.client.text(
      `{"id":70,"send":{"conversation":"${room}","key":"${freshKey()}","attempt":1,"content":${content}}}`,
    );
    await reader.client.until("the event came", () => reader.client.events(room).length === 1);
    await untilStored(reader.client, room, 1);
    expect(seen.filter((frame) => frame.includes(`"content":${content}}`))).toHaveLength(2);
  });
});

describe("the order of commands", () => {
  test("a command before connect: not_connected, and the socket is closed", async () => {
    for (const [verb, body] of [
      ["subscribe", { conversation: "a" }],
      ["unsubscribe", { conversation: "a" }],
      ["history", { conversation: "a" }],
      ["send", message({})],
      ["refresh", { token: "x" }],
    ] as const) {
      await bystander.during(async () => {
        await using other = await gateway.open();
        expect(await other.refusal(verb, body)).toMatchObject({ code: "not_connected" });
        expect(await other.end()).toEqual(CLOSE_TABLE["not_connected"]);
      });
    }
  });

  test("a second connect: already_connected, and the first one stays in force", async () => {
    await using other = await gateway.connect({ user: "ana" });
    const token = await trust.token({ user: "bob" });
    expect(await other.refusal("connect", { token })).toMatchObject({ code: "already_connected" });
    await other.ask("subscribe", { conversation: "second-connect" });
    await say(other, "second-connect", "still ana");
    await other.until("the event came", () => other.events("second-connect").length === 1);
    expect(other.events("second-connect")[0]?.event.sender).toBe("ana");
  });

  test("two connects in one frame: the first one counts", async () => {
    await using other = await gateway.open();
    const first = other.command("connect", { token: await trust.token({ user: "ana" }) });
    const second = other.command("connect", { token: await trust.token({ user: "bob" }) });
    const refused = second.reply.then(
      () => "taken",
      (error: Error) => error.message,
    );
    other.text(`${first.line}\n${second.line}`);
    expect((await first.reply).user).toBe("ana");
    expect(await refused).toContain("already_connected");
  });

  test("connect, subscribe, sends and history in one frame are all answered", async () => {
    const room = "one-frame";
    await using other = await gateway.open();
    const { line, reply } = other.command("connect", { token: await trust.token({ user: "ana" }) });
    const subscribed = other.command("subscribe", { conversation: room, tail: 10 });
    const sends = [1, 2, 3].map((n) =>
      other.command("send", message({ conversation: room, content: { n } })),
    );
    const read = other.command("history", { conversation: room });
    const commands = [line, subscribed.line, ...sends.map((one) => one.line), read.line];
    other.text(commands.join("\n"));
    await Promise.all([reply, subscribed.reply, ...sends.map((one) => one.reply), read.reply]);
    await other.until("all events came", () => other.events(room).length >= 3);
    expect(other.seqs(room)).toEqual([1, 2, 3]);
    expect(other.events(room).map(({ event }) => event.content["n"])).toEqual([1, 2, 3]);
  });

  test("a subscription without cursor begins where its reply says, with no seam", async () => {
    const room = "from-now";
    await using other = await gateway.connect({ user: "ana" });
    const subscribed = other.command("subscribe", { conversation: room });
    const sends = Array.from({ length: 20 }, () =>
      other.command("send", message({ conversation: room })),
    );
    other.text([subscribed.line, ...sends.map((one) => one.line)].join("\n"));
    const { head } = await subscribed.reply;
    await Promise.all(sends.map((one) => one.reply));
    await other.until("the rest came", () => head + other.events(room).length >= 20);
    await say(other, room, "the end");
    await other.until("the end came", () => other.seqs(room).at(-1) === 21);
    expect(other.seqs(room)).toEqual(run(21, head + 1));
  });

  test("no connect in time: connect_timeout", async () => {
    await using quick = await TestGateway.start({ limits: { connectTimeoutMs: 50 } });
    await using other = await quick.open();
    await using connected = await quick.connect({ user: "ana" });
    // A frame that authenticates nobody buys no time.
    other.text("{}");
    expect(await other.end()).toEqual(CLOSE_TABLE["connect_timeout"]);
    await say(connected, "timely", "here");
  });
});

/** History once the store has `count` messages: what was pushed may be read a moment later. */
async function untilStored(reader: ProtocolClient, conversation: string, count: number) {
  for (;;) {
    const history = await reader.ask("history", { conversation });
    if (history.head >= count) return history;
  }
}
