import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { openSqliteEventLog } from "../../src/adapters/sqlite/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { deadLetterTopic } from "../../src/topics.ts";
import { Bystander } from "../support/gateway/bystander.ts";
import type { ProtocolClient } from "../support/gateway/protocol-client.ts";
import { freshKey, say } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import type { Grant } from "../support/gateway/trust.ts";
import { until } from "../support/gateway/until.ts";

const ACME: Grant = { user: "ana", tenant: "acme" };
const SUMMIT: Grant = { user: "ana", tenant: "summit" };
const ROOM = "general";
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});

afterAll(() => gateway[Symbol.asyncDispose]());

const textsOf = (client: ProtocolClient, conversation: string) =>
  client.events(conversation).map(({ event }) => event.content["text"]);

/** The cursor behind the last stored message. */
async function cursorOf(
  client: ProtocolClient,
  conversation: string,
  head: number,
): Promise<string> {
  let epoch = "";
  await until("it is stored", async () => {
    const history = await client.ask("history", { conversation });
    ({ epoch } = history);
    return history.head >= head;
  });
  return `${epoch}.${head}`;
}

describe("two tenants with the same names", () => {
  test("have two conversations under one name, with seqs and ids of their own", async () => {
    await using acme = await gateway.connect(ACME);
    await using summit = await gateway.connect(SUMMIT);
    await acme.ask("subscribe", { conversation: ROOM });
    await summit.ask("subscribe", { conversation: ROOM });
    const key = freshKey();
    const send = (client: ProtocolClient, text: string) =>
      client.ask("send", { conversation: ROOM, key, attempt: 1, content: { text } });
    const [one, two] = await Promise.all([send(acme, "of acme"), send(summit, "of summit")]);
    expect(one.message).not.toBe(two.message);
    await say(acme, ROOM, "second of acme");
    await acme.until("both came", () => acme.events(ROOM).length === 2);
    await summit.until("one came", () => summit.events(ROOM).length === 1);
    await say(summit, ROOM, "second of summit");
    await summit.until("both came", () => summit.events(ROOM).length === 2);
    expect(textsOf(acme, ROOM)).toEqual(["of acme", "second of acme"]);
    expect(textsOf(summit, ROOM)).toEqual(["of summit", "second of summit"]);
    expect([acme.seqs(ROOM), summit.seqs(ROOM)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    // One key with other content in another tenant is no conflict.
    expect([...acme.pushes("refused"), ...summit.pushes("refused")]).toEqual([]);
  });

  test("read back their own messages only", async () => {
    await using acme = await gateway.connect(ACME);
    await using summit = await gateway.connect(SUMMIT);
    await say(acme, "secrets", "the password is swordfish");
    await cursorOf(acme, "secrets", 1);
    expect(await summit.ask("history", { conversation: "secrets" })).toMatchObject({
      head: 0,
      events: [],
    });
    const response = await gateway.request(SUMMIT, "GET", "/v1/conversations/secrets/messages");
    expect(await response.text()).not.toContain("swordfish");
    const { head } = await summit.ask("subscribe", { conversation: "secrets", tail: 100 });
    await say(summit, "secrets", "nothing here");
    await summit.until("its own came", () => summit.events("secrets").length === 1);
    expect([head, summit.seqs("secrets"), textsOf(summit, "secrets")]).toEqual([
      0,
      [1],
      ["nothing here"],
    ]);
  });

  test("a foreign tenant's cursor opens nothing: invalid_cursor, or epoch_changed", async () => {
    const conversation = "cursors";
    await using bystander = await Bystander.join(gateway);
    await bystander.during(async () => {
      await using acme = await gateway.connect(ACME);
      await using summit = await gateway.connect(SUMMIT);
      for (const text of ["a1", "a2", "a3"]) await say(acme, conversation, text);
      await say(summit, conversation, "g1");
      const foreign = await cursorOf(acme, conversation, 3);
      const own = await cursorOf(summit, conversation, 1);
      for (const side of ["after", "before"] as const) {
        const error = await summit.refusal("history", { conversation, [side]: foreign });
        expect(error).toMatchObject({ code: "invalid_cursor", field: `history.${side}` });
      }
      const reply = await summit.ask("subscribe", { conversation, cursor: foreign });
      expect(reply).toMatchObject({
        recovered: false,
        reason: "epoch_changed",
        head: 1,
        epoch: own.split(".")[0],
      });
      await summit.until("it starts over", () => summit.events(conversation).length === 1);
      expect(textsOf(summit, conversation)).toEqual(["g1"]);
      const path = `/v1/conversations/${conversation}/messages?after=${foreign}`;
      expect((await gateway.request(SUMMIT, "GET", path)).status).toBe(400);
    });
  });

  test("a user name that holds a separator reaches nobody else", async () => {
    // One tenant's user could look like another tenant and user when both are joined.
    await using acme = await gateway.connect({ tenant: "acme", user: "summit/ana" });
    await using tricky = await gateway.connect({ tenant: "summit", user: "ana" });
    const key = freshKey();
    for (const text of ["one", "two"]) {
      await tricky.ask("send", { conversation: "tricky", key, attempt: 1, content: { text } });
    }
    await tricky.until("the refusal came", () => tricky.pushes("refused").length === 1);
    expect(acme.pushes("refused")).toEqual([]);
  });

  test("spend rates of their own", async () => {
    await using limited = await TestGateway.start({
      limits: { sendsPerSecondPerTenant: 1, sendsBurstPerTenant: 5 },
    });
    await using acme = await limited.connect(ACME);
    await using second = await limited.connect({ ...ACME, user: "bob" });
    await using summit = await limited.connect(SUMMIT);
    for (let i = 0; i < 5; i++) await say(i % 2 === 0 ? acme : second, ROOM, `m${i}`);
    const message = { conversation: ROOM, key: freshKey(), attempt: 1, content: {} };
    const error = await acme.refusal("send", message);
    expect(error).toMatchObject({ code: "rate_limited", retriable: true });
    expect(error.retry_after_ms).toBeWithin(1, 1_001);
    const response = await limited.request(ACME, "POST", `/v1/conversations/${ROOM}/messages`, {
      content: {},
    });
    expect([response.status, response.headers.get("Retry-After")]).toEqual([429, "1"]);
    for (let i = 0; i < 5; i++) await say(summit, ROOM, `m${i}`);
    expect(await summit.refusal("send", message)).toMatchObject({ code: "rate_limited" });
  });

  test("have their refusals told and kept apart: key_conflict", async () => {
    await using own = await TestGateway.start();
    const key = freshKey();
    {
      await using bystander = await Bystander.join(own);
      await using acme = await own.connect(ACME);
      await using phone = await own.connect(ACME);
      await using bob = await own.connect({ ...ACME, user: "bob" });
      await using summit = await own.connect(SUMMIT);
      await acme.ask("subscribe", { conversation: ROOM });
      const send = (text: string, attempt: number) =>
        acme.ask("send", { conversation: ROOM, key, attempt, content: { text } });
      await bystander.during(async () => {
        const first = await send("one", 1);
        const second = await send("two", 2);
        expect(second.message).toBe(first.message);
        for (const client of [acme, phone]) {
          await client.until("the refusal came", () => client.pushes("refused").length === 1);
          expect(client.pushes("refused")).toEqual([
            { conversation: ROOM, key, message: first.message, code: "key_conflict" },
          ]);
        }
        await say(acme, ROOM, "three");
        await acme.until("the third came", () => acme.events(ROOM).length === 2);
        expect([acme.seqs(ROOM), textsOf(acme, ROOM)]).toEqual([
          [1, 2],
          ["one", "three"],
        ]);
        expect([...bob.pushes("refused"), ...summit.pushes("refused")]).toEqual([]);
      });
    }
    await own.stop();
    const log = await openSqliteEventLog({
      folder: join(own.folder, "log"),
      clock: createSystemClock(),
      random: createSystemRandom(),
    });
    const { records } = await log.read(deadLetterTopic("delivery").name, 0, 0, 10);
    await log.close();
    expect(records).toHaveLength(1);
    const letter = JSON.parse(records[0]?.value ?? "") as Record<string, unknown>;
    expect(letter).toMatchObject({
      reason: "key_conflict",
      pool: "delivery",
      tenant: "acme",
      attempts: 1,
    });
    expect(letter["origin"]).toMatch(/^chat\.messages\.acme\/\d+\/\d+$/);
    expect(JSON.stringify(letter["record"])).toContain("two");
    expect(records[0]?.headers).toMatchObject({ reason: "key_conflict", tenant: "acme" });
  });
});
