import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ErrorCode } from "../../src/errors.ts";
import { limitsWith } from "../../src/limits.ts";
import type { HistoryReply } from "../../src/wire/frame.ts";
import { sendReplySchema } from "../../src/wire/http.ts";
import { Bystander } from "../support/gateway/bystander.ts";
import { freshKey, run, say } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import { nowSeconds, trust } from "../support/gateway/trust.ts";
import { until } from "../support/gateway/until.ts";
import { problemIn } from "../support/http.ts";

const limits = limitsWith();
const ANA = { user: "ana" };
let gateway: TestGateway;
let bystander: Bystander;

beforeAll(async () => {
  gateway = await TestGateway.start();
  bystander = await Bystander.join(gateway);
});

afterAll(async () => {
  await bystander[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});

const pathOf = (conversation: string): string =>
  `/v1/conversations/${encodeURIComponent(conversation)}/messages`;

async function read(conversation: string, query = ""): Promise<HistoryReply> {
  const response = await gateway.request(ANA, "GET", pathOf(conversation) + query);
  expect(response.status).toBe(200);
  return (await response.json()) as HistoryReply;
}

describe("a message over HTTP", () => {
  test("is the same command as on a socket: same id, placed once, pushed to readers", async () => {
    const room = "http 🌊 grüße";
    const key = freshKey();
    await using reader = await gateway.connect(ANA);
    await reader.ask("subscribe", { conversation: room });
    const first = await reader.ask("send", {
      conversation: room,
      key,
      attempt: 1,
      content: { n: 1 },
    });
    const again = await gateway.request(
      ANA,
      "POST",
      pathOf(room),
      { content: { n: 1 } },
      { "Idempotency-Key": `"${key}"` },
    );
    expect(again.status).toBe(200);
    const repeated = sendReplySchema.parse(await again.json());
    expect(repeated).toMatchObject({ message: first.message, durability: "disk", key });
    const fresh = await gateway.request(ANA, "POST", pathOf(room), '{"content": {"n" : 2} }');
    expect(fresh.status).toBe(201);
    const { key: made, message } = sendReplySchema.parse(await fresh.json());
    expect(message).toStartWith(`${made}.`);
    await reader.until("both came", () => reader.events(room).length === 2);
    expect(reader.events(room).map(({ seq, event }) => [seq, event.key, event.content])).toEqual([
      [1, key, { n: 1 }],
      [2, made, { n: 2 }],
    ]);
  });

  test("is placed once for all forms of its key, whatever attempt is said", async () => {
    const room = "http-keys";
    const key = freshKey();
    const forms: readonly (readonly [object, Record<string, string>])[] = [
      [{ key, attempt: 1 }, {}],
      [{}, { "Idempotency-Key": key }],
      [{ attempt: 3 }, { "Idempotency-Key": `"${key}"` }],
      [{ key }, { "Idempotency-Key": ` ${key} ` }],
    ];
    const ids = new Set<string>();
    for (const [body, headers] of forms) {
      const response = await gateway.request(
        ANA,
        "POST",
        pathOf(room),
        { ...body, content: {} },
        headers,
      );
      expect(response.ok).toBe(true);
      ids.add(sendReplySchema.parse(await response.json()).message);
    }
    expect(ids.size).toBe(1);
    await using client = await gateway.connect(ANA);
    await say(client, room, "after them all");
    await until("both are stored", async () => (await read(room)).head === 2);
  });

  test("reads a conversation back in pages that are the live stream", async () => {
    const room = "http-pages";
    await using client = await gateway.connect(ANA);
    await client.ask("subscribe", { conversation: room });
    for (const n of run(25)) await say(client, room, `m${n}`);
    await until("all are stored", async () => (await read(room)).head === 25);
    const { epoch } = await read(room, "?limit=1");
    const up: number[] = [];
    for (let more = true; more;) {
      const page = await read(room, `?after=${epoch}.${up.at(-1) ?? 0}&limit=7`);
      up.push(...page.events.map(({ seq }) => seq));
      ({ more } = page);
    }
    expect(up).toEqual([...run(25)]);
    const down = await read(room, `?before=${epoch}.8&limit=1000`);
    expect([down.events.map(({ seq }) => seq), down.more]).toEqual([[...run(7)], false]);
  });
});

describe("a bad request is answered by a problem (RFC 9457)", () => {
  const room = pathOf("http-bad");
  const long = "x".repeat(limits.httpBodyBytesMax);
  const key = freshKey();
  type Row = readonly [string, number, ErrorCode, unknown, Record<string, string>?, string?];
  const bad: readonly Row[] = [
    ["JSON that is cut off", 400, "invalid_command", '{"content":{}'],
    ["a list", 400, "invalid_command", "[]"],
    ["nothing", 400, "invalid_command", ""],
    ["text", 415, "unsupported_media_type", "hello", { "Content-Type": "text/plain" }],
    [
      "a form",
      415,
      "unsupported_media_type",
      "content=x",
      { "Content-Type": "application/x-www-form-urlencoded" },
    ],
    [
      "JSON in Latin-1",
      415,
      "unsupported_media_type",
      "{}",
      { "Content-Type": "application/json; charset=latin1" },
    ],
    ["JSON in gzip", 415, "unsupported_media_type", "{}", { "Content-Encoding": "gzip" }],
    ["a body beyond the limit", 413, "content_too_large", `{"content":{"text":"${long}"}}`],
    [
      "content beyond the limit",
      413,
      "content_too_large",
      { content: { text: "x".repeat(limits.contentBytesMax) } },
    ],
    [
      "JSON beyond the depth",
      400,
      "invalid_command",
      `{"content":{"a":${"[".repeat(50)}${"]".repeat(50)}}}`,
    ],
    ["content that is text", 400, "invalid_content", { content: "hello" }],
    ["no content", 400, "invalid_command", {}],
    ["a weak key", 400, "key_weak", { key: "k", content: {} }],
    ["a weak key in its header", 400, "key_weak", { content: {} }, { "Idempotency-Key": '"1"' }],
    ["an empty key in its header", 400, "key_weak", { content: {} }, { "Idempotency-Key": '""' }],
    [
      "a key with parameters",
      400,
      "key_weak",
      { content: {} },
      { "Idempotency-Key": `"${key}";a=1` },
    ],
    [
      "two different keys",
      400,
      "invalid_command",
      { key: freshKey(), content: {} },
      { "Idempotency-Key": key },
    ],
    ["an attempt that is text", 400, "invalid_command", { attempt: "2", content: {} }],
    ["no token", 401, "unauthenticated", { content: {} }, { Authorization: "" }],
    [
      "basic authentication",
      401,
      "unauthenticated",
      { content: {} },
      { Authorization: "Basic YTpi" },
    ],
    [
      "a token that is none",
      401,
      "unauthenticated",
      { content: {} },
      { Authorization: "Bearer x.y.z" },
    ],
    [
      "a conversation with a NUL",
      400,
      "invalid_conversation",
      { content: {} },
      {},
      "/v1/conversations/a%00b/messages",
    ],
    [
      "a conversation that is no UTF-8",
      400,
      "invalid_conversation",
      { content: {} },
      {},
      "/v1/conversations/%ff/messages",
    ],
    [
      "a conversation of 10 KB",
      400,
      "invalid_conversation",
      { content: {} },
      {},
      pathOf("n".repeat(10_240)),
    ],
    ["an address that there is not", 404, "not_found", { content: {} }, {}, "/v2/conversations"],
    ["a development token with real keys", 404, "not_found", { user: "ana" }, {}, "/dev/token"],
  ];

  for (const [what, status, code, body, headers = {}, path = room] of bad) {
    test(`${what}: ${status} ${code}`, async () => {
      const problem = await bystander.during(async () =>
        problemIn(await gateway.request({ user: "mallory" }, "POST", path, body, headers)),
      );
      expect(problem).toMatchObject({
        type: `urn:tidegate:problem:${code}`,
        status,
        code,
        retriable: false,
      });
      expect(problem.instance).toStartWith("urn:uuid:");
    });
  }

  test("bytes that are no UTF-8: 400 invalid_command", async () => {
    const body = Buffer.concat([
      Buffer.from('{"content":{"a":"'),
      Buffer.of(0xff),
      Buffer.from('"}}'),
    ]);
    const response = await fetch(gateway.url + room, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${await trust.token(ANA)}`,
        "Content-Type": "application/json",
      },
      body,
    });
    expect(await problemIn(response)).toMatchObject({
      status: 400,
      code: "invalid_command",
      field: "body",
    });
  });

  test("a token that has expired or allows too little says so to its client", async () => {
    const old = await gateway.request({ ...ANA, expiresAt: nowSeconds() - 60 }, "POST", room, {
      content: {},
    });
    expect(old.headers.get("WWW-Authenticate")).toBe('Bearer error="invalid_token"');
    expect(await problemIn(old)).toMatchObject({ status: 401, code: "token_expired" });
    for (const [capabilities, method] of [
      [{ "*": ["subscribe"] }, "POST"],
      [{ "*": ["send"] }, "GET"],
      [{ other: ["send", "history"] }, "POST"],
    ] as const) {
      const body = method === "POST" ? { content: {} } : undefined;
      const response = await gateway.request({ ...ANA, capabilities }, method, room, body);
      expect(response.headers.get("WWW-Authenticate")).toBe('Bearer error="insufficient_scope"');
      expect(await problemIn(response)).toMatchObject({ status: 403, code: "forbidden" });
    }
  });

  test("a query that is wrong is refused by its field", async () => {
    for (const [query, code, field] of [
      ["?limit=0", "invalid_command", "limit"],
      ["?limit=x", "invalid_command", "limit"],
      [`?limit=${limits.historyLimitMax + 1}`, "invalid_command", "limit"],
      ["?after=x", "invalid_cursor", "after"],
      ["?before=e.-1", "invalid_cursor", "before"],
      ["?after=e.1&before=e.2", "invalid_command", "before"],
    ] as const) {
      const response = await gateway.request(ANA, "GET", room + query);
      expect(await problemIn(response)).toMatchObject({ status: 400, code, field });
    }
  });

  test("a method that the address does not take: 405 method_not_allowed", async () => {
    const response = await fetch(gateway.url + room, { method: "DELETE" });
    expect(response.headers.get("Allow")).toBe("GET, POST");
    expect(await problemIn(response)).toMatchObject({ status: 405, code: "method_not_allowed" });
  });

  test("a page of another origin: 403 origin_forbidden", async () => {
    const response = await gateway.request(ANA, "GET", room, undefined, {
      Origin: "http://evil.example",
    });
    expect(await problemIn(response)).toMatchObject({ status: 403, code: "origin_forbidden" });
  });
});
