import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { limitsWith } from "../../src/limits.ts";
import { Bystander } from "../support/gateway/bystander.ts";
import type { ProtocolClient } from "../support/gateway/protocol-client.ts";
import { freshKey, say } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";

const limits = limitsWith();
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
    await using client = await gateway.connect({ user: "ana" });
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

/** History once the store has `count` messages: what was pushed may be read a moment later. */
async function untilStored(reader: ProtocolClient, conversation: string, count: number) {
  for (;;) {
    const history = await reader.ask("history", { conversation });
    if (history.head >= count) return history;
  }
}
