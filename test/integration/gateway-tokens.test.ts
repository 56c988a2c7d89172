import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHmac, createPublicKey } from "node:crypto";
import { CLOSE_TABLE, type CloseReason } from "../../src/close-codes.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { JWT_ALGORITHMS } from "../../src/key-set.ts";
import { limitsWith } from "../../src/limits.ts";
import { Bystander } from "../support/gateway/bystander.ts";
import { freshKey, say } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import { nowSeconds, trust } from "../support/gateway/trust.ts";
import { rawToken } from "../support/jwt.ts";

const limits = limitsWith();
const PAST = nowSeconds() - 3_600;
const FUTURE = nowSeconds() + 3_600;
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

/** What RFC 8725, 2.1 warns of: the public key, which all may know, taken as an HMAC secret. */
function signedWithPublicKey(): string {
  const jwk = trust.key("RS256").jwk;
  const pem = createPublicKey({ key: { ...jwk }, format: "jwk" }).export({
    type: "spki",
    format: "pem",
  });
  const [header = "", payload = ""] = rawToken(
    { alg: "HS256", kid: jwk.kid, typ: "JWT" },
    trust.claims({ user: "mallory" }),
  ).split(".");
  const signature = createHmac("sha256", pem).update(`${header}.${payload}`).digest("base64url");
  return `${header}.${payload}.${signature}`;
}

const claims = trust.claims({ user: "mallory" });
const hs = trust.key("HS256");
const withClaims = (changes: object) => hs.sign({ ...claims, ...changes });

describe("a token that is not good ends its socket alone", () => {
  const bad: readonly (readonly [
    string,
    ErrorCode & CloseReason,
    () => string | Promise<string>,
  ])[] = [
    ["that has expired", "token_expired", () => trust.token({ user: "m", expiresAt: PAST })],
    [
      "that is not valid yet",
      "unauthenticated",
      () => trust.token({ user: "m", notBefore: FUTURE }),
    ],
    [
      "for another audience",
      "unauthenticated",
      () => trust.token({ user: "m", audience: "other" }),
    ],
    ["of another issuer", "unauthenticated", () => trust.token({ user: "m", issuer: "other" })],
    [
      "without signature",
      "unauthenticated",
      () => rawToken({ alg: "none", kid: "key-HS256" }, claims),
    ],
    ["without signature and kid", "unauthenticated", () => rawToken({ alg: "none" }, claims)],
    [
      "with an empty signature",
      "unauthenticated",
      () => rawToken({ alg: "HS256", kid: "key-HS256" }, claims),
    ],
    ["signed with a public key as secret", "unauthenticated", signedWithPublicKey],
    [
      "of another algorithm than its key",
      "unauthenticated",
      () => trust.key("ES256").sign(claims, { kid: "key-RS256" }),
    ],
    [
      "whose header lies about its algorithm",
      "unauthenticated",
      async () => {
        const [, payload, signature] = (await trust.token({ user: "m" }, "ES256")).split(".");
        return `${rawToken({ alg: "RS256", kid: "key-RS256" }, {}).split(".")[0]}.${payload}.${signature}`;
      },
    ],
    ["of an unknown key", "unauthenticated", () => hs.sign(claims, { kid: "other" })],
    [
      "that names its own key",
      "unauthenticated",
      () => hs.sign(claims, { kid: "other", jku: "https://evil.example/keys" }),
    ],
    [
      "without kid",
      "unauthenticated",
      async () => {
        const [, payload, signature] = (await trust.token({ user: "m" })).split(".");
        return `${rawToken({ alg: "HS256" }, {}).split(".")[0]}.${payload}.${signature}`;
      },
    ],
    [
      "whose payload was changed",
      "unauthenticated",
      async () => {
        const [header, , signature] = (await trust.token({ user: "m" })).split(".");
        return `${header}.${rawToken({}, { ...claims, tenant: "summit" }).split(".")[1]}.${signature}`;
      },
    ],
    ["made for another use", "unauthenticated", () => hs.sign(claims, { typ: "dpop+jwt" })],
    ["that is no token", "unauthenticated", () => "let me in"],
    ["of dots", "unauthenticated", () => ".."],
    ["without tenant", "unauthenticated", () => withClaims({ tenant: undefined })],
    ["of a tenant that is none", "unauthenticated", () => withClaims({ tenant: "Acme/../summit" })],
    [
      "of a tenant beyond the limit",
      "unauthenticated",
      () => withClaims({ tenant: "a".repeat(limits.tenantCharsMax + 1) }),
    ],
    ["of the tenant __proto__", "unauthenticated", () => withClaims({ tenant: "__proto__" })],
    ["without subject", "unauthenticated", () => withClaims({ sub: undefined })],
    [
      "of a user with a control character",
      "unauthenticated",
      () => withClaims({ sub: "a\u0000b" }),
    ],
    [
      "of a user of 1 KB",
      "unauthenticated",
      () => withClaims({ sub: "u".repeat(limits.userBytesMax + 1) }),
    ],
    ["without end that pretends to end", "unauthenticated", () => withClaims({ exp: "never" })],
    ["whose capabilities are a list", "unauthenticated", () => withClaims({ capabilities: ["*"] })],
    [
      "whose capability is no list",
      "unauthenticated",
      () => withClaims({ capabilities: { "*": "send" } }),
    ],
    [
      "with too many patterns",
      "unauthenticated",
      () =>
        withClaims({
          capabilities: Object.fromEntries(
            Array.from({ length: limits.capabilityPatternsMax + 1 }, (_, i) => [`r${i}`, []]),
          ),
        }),
    ],
    [
      "with a pattern beyond the limit",
      "unauthenticated",
      () =>
        withClaims({
          capabilities: { ["p".repeat(limits.capabilityPatternBytesMax + 1)]: ["send"] },
        }),
    ],
  ];

  for (const [what, code, token] of bad) {
    test(`one ${what}: ${code}`, async () => {
      const text = await token();
      await bystander.during(async () => {
        await using client = await gateway.open();
        expect(await client.refusal("connect", { token: text })).toMatchObject({
          code,
          retriable: false,
        });
        expect(await client.end()).toEqual(CLOSE_TABLE[code]);
        expect(client.lines).toHaveLength(1);
      });
      const response = await gateway.request(
        text.replaceAll(" ", "_"),
        "GET",
        "/v1/conversations/a/messages",
      );
      expect(response.status).toBe(401);
    });
  }

  test("one beyond the limit is refused without being looked at", async () => {
    const token = await withClaims({ pad: "x".repeat(limits.tokenBytesMax) });
    await bystander.during(async () => {
      await using client = await gateway.open();
      const error = await client.refusal("connect", { token });
      expect(error).toMatchObject({ code: "unauthenticated", limit: limits.tokenBytesMax });
      await client.ask("connect", { token: await trust.token({ user: "ana" }) });
    });
  });

  test("commands behind a refused connect are not acted on", async () => {
    const room = "behind-a-refused-connect";
    await using client = await gateway.open();
    const connect = `{"id":1,"connect":{"token":"x"}}`;
    client.text(
      `${connect}\n{"id":2,"send":{"conversation":"${room}","key":"${freshKey()}","attempt":1,"content":{}}}`,
    );
    await client.end();
    expect(client.lines).toHaveLength(1);
    await using reader = await gateway.connect({ user: "ana" });
    await say(reader, room, "the first");
    await reader.ask("subscribe", { conversation: room, tail: 10 });
    await reader.until("an event came", () => reader.events(room).length > 0);
    expect(reader.events(room)[0]).toMatchObject({ seq: 1, event: { sender: "ana" } });
  });
});

describe("a good token", () => {
  for (const alg of JWT_ALGORITHMS) {
    test(`of ${alg} connects`, async () => {
      await using client = await gateway.open();
      const token = await trust.token({ user: "ana", expiresAt: FUTURE }, alg);
      const reply = await client.ask("connect", { token, client: "test/1" });
      expect(reply).toMatchObject({
        tenant: "acme",
        user: "ana",
        expires_at: FUTURE,
        heartbeat_ms: limits.heartbeatMs,
        limits: { credit: limits.creditCommandsMax, subscriptions: limits.subscriptionsMax },
      });
    });
  }

  test("may be off by the clocks' tolerance", async () => {
    await using client = await gateway.open();
    const token = await trust.token({ user: "ana", notBefore: nowSeconds() + 3 });
    expect((await client.ask("connect", { token })).user).toBe("ana");
  });

  test("may not come with a client name beyond the limit, which costs nothing but the try", async () => {
    await using client = await gateway.open();
    const token = await trust.token({ user: "ana" });
    const named = { token, client: "c".repeat(limits.clientNameBytesMax + 1) };
    expect(await client.refusal("connect", named)).toMatchObject({
      code: "invalid_command",
      field: "connect.client",
    });
    await client.ask("connect", { token });
  });
});

describe("capabilities", () => {
  const capabilities = {
    "room-*": ["subscribe"],
    "*-out": ["send"],
    "log-*-x": ["history"],
  } as const;
  const message = (conversation: string) => ({
    conversation,
    key: freshKey(),
    attempt: 1,
    content: {},
  });

  test("allow what their patterns say, and nothing else", async () => {
    await bystander.during(async () => {
      await using client = await gateway.connect({ user: "ana", capabilities });
      await client.ask("subscribe", { conversation: "room-1" });
      await client.ask("send", message("any-out"));
      await client.ask("send", message("room-out"));
      await client.ask("history", { conversation: "log-🌊-x" });
      await client.ask("history", { conversation: "room-1" });
      const forbidden = [
        ["subscribe", { conversation: "any-out" }],
        ["subscribe", { conversation: "Room-1" }],
        ["subscribe", { conversation: "my-room-1" }],
        ["subscribe", { conversation: "log-1-x" }],
        ["send", message("room-1")],
        ["send", message("outside")],
        ["history", { conversation: "log-x" }],
        ["history", { conversation: "any-out" }],
        ["history", { conversation: "*" }],
      ] as const;
      for (const [verb, body] of forbidden) {
        const error = await client.refusal(verb, body);
        expect(error).toMatchObject({
          code: "forbidden",
          retriable: false,
          field: `${verb}.conversation`,
        });
      }
    });
  });

  test("that are missing allow nothing", async () => {
    await using client = await gateway.connect({ user: "ana", capabilities: {} });
    expect(await client.refusal("send", message("room-1"))).toMatchObject({ code: "forbidden" });
    expect(await client.refusal("subscribe", { conversation: "" })).toMatchObject({
      code: "invalid_conversation",
    });
  });
});

describe("a token's end on a live socket", () => {
  test("closes it: token_expired", async () => {
    await bystander.during(async () => {
      await using client = await gateway.connect({ user: "ana", expiresAt: nowSeconds() + 1 });
      await client.ask("subscribe", { conversation: "expiring" });
      expect(await client.end()).toEqual(CLOSE_TABLE["token_expired"]);
    });
  });

  test("is put off by refresh, also with a token without end", async () => {
    await using client = await gateway.connect({ user: "ana", expiresAt: nowSeconds() + 1 });
    const token = await trust.token({ user: "ana", expiresAt: FUTURE }, "EdDSA");
    expect(await client.ask("refresh", { token })).toEqual({ expires_at: FUTURE });
    const endless = await withClaims({ sub: "ana", exp: undefined });
    expect(await client.ask("refresh", { token: endless })).toEqual({});
    await using other = await gateway.connect({ user: "bob", expiresAt: nowSeconds() + 1 });
    await other.end();
    await say(client, "refreshed", "still here");
  });

  test("is not put off by a refused refresh", async () => {
    await using client = await gateway.connect({ user: "ana", expiresAt: nowSeconds() + 1 });
    await client.ask("subscribe", { conversation: "kept" });
    const refused: readonly (readonly [ErrorCode, string])[] = [
      ["forbidden", await trust.token({ user: "bob" })],
      ["forbidden", await trust.token({ user: "ana", tenant: "summit" })],
      ["forbidden", await trust.token({ user: "ana", capabilities: { "*": ["send"] } })],
      ["token_expired", await trust.token({ user: "ana", expiresAt: PAST })],
      ["unauthenticated", rawToken({ alg: "none" }, claims)],
    ];
    for (const [code, token] of refused) {
      expect(await client.refusal("refresh", { token })).toMatchObject({ code });
    }
    await say(client, "kept", "the old token is in force");
    expect(await client.end()).toEqual(CLOSE_TABLE["token_expired"]);
  });

  test("a refresh takes rights away at once", async () => {
    await using client = await gateway.connect({ user: "ana" });
    await say(client, "shrinking", "allowed");
    const token = await trust.token({ user: "ana", capabilities: { "*": ["subscribe"] } });
    await client.ask("refresh", { token });
    const message = { conversation: "shrinking", key: freshKey(), attempt: 1, content: {} };
    expect(await client.refusal("send", message)).toMatchObject({ code: "forbidden" });
  });

  test("a refresh does not slip past a subscription that is being opened", async () => {
    await using client = await gateway.connect({ user: "ana" });
    const token = await trust.token({ user: "ana", capabilities: { "*": ["send"] } });
    const subscribe = client.command("subscribe", { conversation: "slipping" });
    const refresh = client.command("refresh", { token });
    const outcome = refresh.reply.then(
      () => "taken",
      (error: Error) => error.message,
    );
    client.text(`${subscribe.line}\n${refresh.line}`);
    const opened = await subscribe.reply.then(
      () => true,
      () => false,
    );
    expect([opened, (await outcome).includes("forbidden")]).toEqual([true, true]);
  });
});
