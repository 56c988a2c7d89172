import { describe, expect, test } from "bun:test";
import { AppError } from "../../../../src/errors.ts";
import { limitsWith } from "../../../../src/limits.ts";
import { ANA, createHttpRig, MADE_KEY, problemIn } from "../../../support/http.ts";

const PATH = "/v1/conversations/general/messages";
const KEY = "0199aa00-1b2c-7d3e-8f40-5a6b7c8d9e0f";
const content = { text: "hi" };

describe("POST /v1/conversations/{conversation}/messages", () => {
  test("appends the message and answers with its receipt and the key made for it", async () => {
    const rig = createHttpRig();
    const response = await rig.post(PATH, { content });
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({
      message: `${MADE_KEY}.scope`,
      durability: "disk",
      at: { partition: 3, offset: "41" },
      key: MADE_KEY,
    });
    const command = { conversation: "general", key: MADE_KEY, attempt: 1, kind: "text" };
    expect(rig.calls).toEqual([["send", ANA, { ...command, content: '{"text":"hi"}' } as never]]);
  });

  test("content goes on as it was written, to the byte", async () => {
    const rig = createHttpRig();
    const written = '{ "a":1.50,"a" : "\\u00e9\\/ 😀", "n":12345678901234567890 }';
    await rig.post(PATH, `{"type":"file","content":${written}}`);
    expect(rig.calls[0]?.[2]).toMatchObject({ content: written, kind: "file" });
  });

  test.each([
    ["quoted, as the draft says", `"${KEY}"`],
    ["bare, as most clients send it", KEY],
    ["with space around", `  ${KEY} `],
  ])("an Idempotency-Key %s is the message key", async (_, header) => {
    const rig = createHttpRig();
    const response = await rig.post(PATH, { content }, { headers: { "Idempotency-Key": header } });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ key: KEY });
    expect(rig.calls[0]?.[2]).toMatchObject({ key: KEY, attempt: 0 });
  });

  test("a first attempt that says so is answered as created", async () => {
    const rig = createHttpRig();
    expect((await rig.post(PATH, { content, key: KEY, attempt: 1 })).status).toBe(201);
    expect((await rig.post(PATH, { content, key: KEY, attempt: 2 })).status).toBe(200);
    expect(rig.calls.map((call) => (call[2] as { attempt: number }).attempt)).toEqual([1, 2]);
  });

  test("a client's attempt means nothing for a key that was made here", async () => {
    const rig = createHttpRig();
    await rig.post(PATH, { content, attempt: 7 });
    expect(rig.calls[0]?.[2]).toMatchObject({ key: MADE_KEY, attempt: 1 });
  });

  test("the same key in header and body is one key, two keys are refused", async () => {
    const rig = createHttpRig();
    const headers = { "Idempotency-Key": `"${KEY}"` };
    expect((await rig.post(PATH, { content, key: KEY }, { headers })).status).toBe(200);
    const response = await rig.post(PATH, { content, key: MADE_KEY }, { headers });
    expect(await problemIn(response)).toMatchObject({ code: "invalid_command", field: "key" });
  });

  test.each(["", '""', "abc", '"unclosed', "a".repeat(40), `${KEY}, ${KEY}`, `"${KEY}";a=1`])(
    "the Idempotency-Key %j is refused",
    async (header) => {
      const rig = createHttpRig();
      const response = await rig.post(
        PATH,
        { content },
        { headers: { "Idempotency-Key": header } },
      );
      expect(await problemIn(response)).toMatchObject({
        status: 400,
        code: "key_weak",
        field: "Idempotency-Key",
      });
      expect(rig.calls).toEqual([]);
    },
  );

  test.each([
    ["not JSON", "{", "invalid_command"],
    ["a list", "[]", "invalid_command"],
    ["empty", "", "invalid_command"],
    ["without content", "{}", "invalid_command"],
    ["with content that is text", '{"content":"hi"}', "invalid_content"],
    ["with an unknown type", '{"content":{},"type":"hologram"}', "invalid_command"],
    ["with a weak key", '{"content":{},"key":"1"}', "key_weak"],
    ["too deep", `{"content":${'{"a":'.repeat(40)}1${"}".repeat(40)}}`, "invalid_command"],
  ])("a body that is %s is refused", async (_, body, code) => {
    const rig = createHttpRig();
    const response = await rig.post(PATH, body);
    expect(await problemIn(response)).toMatchObject({ status: 400, code });
    expect(rig.calls).toEqual([]);
  });

  test("content beyond its limit is too large", async () => {
    const response = await createHttpRig().post(PATH, { content: { text: "é".repeat(33_000) } });
    expect(await problemIn(response)).toMatchObject({ status: 413, code: "content_too_large" });
  });

  test("a body beyond its limit is refused, by its stated and by its real length", async () => {
    const limits = limitsWith({ httpBodyBytesMax: 1_000 });
    const rig = createHttpRig({ limits });
    const body = JSON.stringify({ content: { text: "x".repeat(1_000) } });
    const stated = await rig.post(PATH, body, { headers: { "Content-Length": "2000" } });
    expect(await problemIn(stated)).toMatchObject({ status: 413, limit: 1_000 });
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(600).fill(32));
      },
    });
    const response = await rig.post(PATH, body, { body: endless });
    expect(await problemIn(response)).toMatchObject({ status: 413, code: "content_too_large" });
    expect(pulled).toBeLessThan(10);
  });

  test("bytes that are not UTF-8 are refused", async () => {
    const bytes = Buffer.from('{"content":{"text":"\xff"}}', "latin1");
    const response = await createHttpRig().post(PATH, "", { body: bytes });
    expect(await problemIn(response)).toMatchObject({ code: "invalid_command", field: "body" });
  });

  test("a body that breaks off is the client's fault, and nothing for the log", async () => {
    const rig = createHttpRig();
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
    const problem = await problemIn(await rig.post(PATH, "", { body }));
    expect(problem).toMatchObject({
      status: 400,
      code: "invalid_command",
      detail: "body broke off",
      field: "body",
    });
    expect(rig.telemetry.lines).toEqual([]);
  });

  test.each([
    ["Content-Type", "text/plain"],
    ["Content-Type", "application/x-www-form-urlencoded"],
    ["Content-Type", "application/json; charset=latin1"],
    ["Content-Encoding", "gzip"],
  ])("a body whose %s is %s is refused", async (field, value) => {
    const headers = { [field]: value };
    const response = await createHttpRig().post(PATH, { content }, { headers });
    expect(await problemIn(response)).toMatchObject({
      status: 415,
      code: "unsupported_media_type",
      field,
    });
  });

  test("JSON in UTF-8 may say so", async () => {
    const headers = { "Content-Type": 'Application/JSON; charset="UTF-8"' };
    expect((await createHttpRig().post(PATH, { content }, { headers })).status).toBe(201);
  });
});

describe("the conversation in the address", () => {
  test.each(["room/7", "räum 😀", "a%2Fb", "a+b", "?#", "%", "__proto__", "x".repeat(200)])(
    "%j comes through as it is",
    async (name) => {
      const rig = createHttpRig();
      const path = `/v1/conversations/${encodeURIComponent(name)}/messages`;
      expect((await rig.post(path, { content })).status).toBe(201);
      expect((await rig.fetch(path, { headers: { Authorization: "Bearer good" } })).status).toBe(
        200,
      );
      expect(rig.calls.map((call) => call[2].conversation)).toEqual([name, name]);
    },
  );

  test.each(["%ff", "%E0%A4%A", "a%00b", "a%0Ab", "%7F", "x".repeat(201), "%C3%A9".repeat(101)])(
    "%s is refused",
    async (raw) => {
      const rig = createHttpRig();
      const response = await rig.post(`/v1/conversations/${raw}/messages`, { content });
      expect(await problemIn(response)).toMatchObject({
        status: 400,
        code: "invalid_conversation",
        field: "conversation",
      });
      expect(rig.calls).toEqual([]);
    },
  );
});

describe("GET /v1/conversations/{conversation}/messages", () => {
  const get = (query: string, answers = {}) => {
    const rig = createHttpRig({}, answers);
    const init = { headers: { Authorization: "Bearer good" } };
    return { rig, response: rig.fetch(`${PATH}${query}`, init) };
  };

  test("gives the history as the service wrote it", async () => {
    const text = '{"epoch":"e1","events":[{"seq":1,"event":{"content":{ "n":1.50 }}}]}';
    const { rig, response } = get("?after=e1.5&limit=20", { history: () => Promise.resolve(text) });
    const { headers, status } = await response;
    expect(status).toBe(200);
    expect(headers.get("Content-Type")).toBe("application/json");
    expect(headers.get("Cache-Control")).toBe("no-store");
    expect(await (await response).text()).toBe(text);
    expect(rig.calls).toEqual([
      ["history", ANA, { conversation: "general", after: "e1.5", limit: 20 }],
    ]);
  });

  test.each([
    ["?after=nonsense", "invalid_cursor", "after"],
    ["?before=", "invalid_cursor", "before"],
    ["?limit=0", "invalid_command", "limit"],
    ["?limit=1001", "invalid_command", "limit"],
    ["?limit=1e2", "invalid_command", "limit"],
    ["?limit=-1", "invalid_command", "limit"],
    ["?limit=", "invalid_command", "limit"],
    ["?after=e1.1&before=e1.9", "invalid_command", "before"],
  ])("%s is refused", async (query, code, field) => {
    const { rig, response } = get(query);
    expect(await problemIn(await response)).toMatchObject({ status: 400, code, field } as never);
    expect(rig.calls).toEqual([]);
  });
});

describe("who may", () => {
  test.each([
    [undefined, "unauthenticated", "Bearer"],
    ["Basic YTpi", "unauthenticated", "Bearer"],
    ["Bearer", "unauthenticated", "Bearer"],
    ["Bearer who", "unauthenticated", "Bearer"],
    ["Bearer old", "token_expired", 'Bearer error="invalid_token"'],
  ])("Authorization %j is refused before the body is read", async (value, code, challenge) => {
    const rig = createHttpRig();
    const response = await rig.fetch(PATH, {
      method: "POST",
      headers: value === undefined ? {} : { Authorization: value },
      body: new ReadableStream({
        pull() {
          throw new Error("the body was read");
        },
      }),
    });
    expect(response.headers.get("WWW-Authenticate")).toBe(challenge);
    expect(await problemIn(response)).toMatchObject({ status: 401, code } as never);
    expect(rig.calls).toEqual([]);
  });

  test("a refusal of the service becomes its problem", async () => {
    const refuse = (error: AppError) => ({ send: () => Promise.reject(error) });
    const limited = new AppError("rate_limited", undefined, { retryAfterMs: 1_200 });
    const response = await createHttpRig({}, refuse(limited)).post(PATH, { content });
    expect(response.headers.get("Retry-After")).toBe("2");
    expect(await problemIn(response)).toEqual({
      type: "urn:tidegate:problem:rate_limited",
      title: "Too many messages",
      status: 429,
      detail: "Too many messages",
      instance: `urn:uuid:${MADE_KEY}`,
      code: "rate_limited",
      retriable: true,
      retry_after_ms: 1_200,
    });
    const forbidden = await createHttpRig({}, refuse(new AppError("forbidden"))).post(PATH, {
      content,
    });
    expect(forbidden.status).toBe(403);
    expect(forbidden.headers.get("WWW-Authenticate")).toBe('Bearer error="insufficient_scope"');
  });
});
