import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { join } from "node:path";
import { openSqliteEventLog } from "../../src/adapters/sqlite/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import type { IngestReply } from "../../src/wire/http.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import { eventLines, line, numbersIn } from "../support/gateway/memory-ingest.ts";
import { freshKey } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import { trust, type Grant } from "../support/gateway/trust.ts";
import { until } from "../support/gateway/until.ts";

const ALL = { "*": ["send", "publish", "subscribe", "history"] } as const;
const ANA = { user: "ana", capabilities: ALL };
const LINES = { "Content-Type": "application/x-ndjson" };

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
});
afterAll(() => gateway[Symbol.asyncDispose]());

async function post(body: string, grant: Grant = ANA): Promise<IngestReply> {
  const response = await gateway.request(grant, "POST", "/v1/events", body, LINES);
  return (await response.json()) as IngestReply;
}

/** All records of a topic, as the log has them on disk. */
async function recordsOf(topic: string): Promise<LogRecord[]> {
  await gateway.stop();
  const log = await openSqliteEventLog({
    folder: join(gateway.folder, "log"),
    clock: createSystemClock(),
    random: createSystemRandom(),
  });
  const records: LogRecord[] = [];
  const { partitions = 0 } = (await log.describeTopic(topic)) ?? {};
  for (let partition = 0; partition < partitions; partition++) {
    const { start, end } = await log.range(topic, partition);
    for (let at = start; at < end;) {
      const page = await log.read(topic, partition, at, 10_000);
      records.push(...page.records);
      at = page.nextOffset;
    }
  }
  await log.close();
  await gateway.restart();
  return records;
}

/** A request whose body is written as the test goes on. */
async function openRequest(path: string): Promise<{
  write(text: string | Uint8Array): void;
  end(): void;
  /** All of the answer that has come. */
  heard(): string;
  close(): void;
}> {
  const socket = connect(gateway.port, "127.0.0.1");
  let heard = "";
  socket.on("data", (bytes: Buffer) => (heard += bytes.toString("utf8")));
  const token = await trust.token(ANA);
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n` +
      "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  return {
    write(text) {
      const bytes = Buffer.from(text as string);
      socket.write(`${bytes.length.toString(16)}\r\n`);
      socket.write(bytes);
      socket.write("\r\n");
    },
    end: () => void socket.write("0\r\n\r\n"),
    heard: () => heard,
    close: () => void socket.destroy(),
  };
}

describe("a stream of lines to a standalone server", () => {
  test("is in its topics and its conversations, in the order of its keys, and there after a restart", async () => {
    const count = 5_000;
    let text = eventLines(count, (i) => `kéy-${i % 40}`, "business.orders.created");
    for (let i = 0; i < 200; i++)
      text += line({
        send: {
          conversation: `room-${i % 4}`,
          key: freshKey(),
          attempt: 1,
          content: { i, é: "😀" },
        },
      });
    const bytes = Buffer.from(text);
    const request = await openRequest("/v1/events");
    // Pieces that end anywhere, also inside characters.
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = 1 + ((i * 7_919) % 6_007);
      request.write(bytes.subarray(at, at + size));
      at += size;
    }
    request.end();
    await until("it is answered", () => request.heard().trimEnd().endsWith("}"));
    const reply = JSON.parse(
      request.heard().slice(request.heard().indexOf("\r\n\r\n") + 4),
    ) as IngestReply;
    request.close();
    expect(reply).toMatchObject({ lines: count + 200, accepted: count + 200, faults: [] });

    await using client = await gateway.connect(ANA);
    for (let room = 0; room < 4; room++) {
      await client.ask("subscribe", { conversation: `room-${room}`, tail: 100 });
      await client.until("all came", () => client.events(`room-${room}`).length === 50);
      const numbers = client
        .events(`room-${room}`)
        .map(({ event }) => (event.content as { i: number }).i);
      expect(numbers).toEqual(Array.from({ length: 50 }, (_, i) => i * 4 + room));
    }

    const records = await recordsOf("business.orders.created");
    expect(records).toHaveLength(count);
    for (let key = 0; key < 40; key++) {
      const own = records.filter((record) => record.key === `acme/kéy-${key}`);
      expect(numbersIn(own)).toEqual(Array.from({ length: count / 40 }, (_, i) => i * 40 + key));
    }
    // The topic is known again, and goes on.
    expect(await post(eventLines(1, undefined, "business.orders.created"))).toMatchObject({
      accepted: 1,
    });
  });

  test("has each line's receipt on the same connection before the next line is written", async () => {
    const request = await openRequest("/v1/events?receipts=each");
    // A client that waits for the answer's head before it writes is not waited for in turn.
    await until("the answer begins", () => request.heard().includes('\r\n{"begin":{"request":"'));
    for (let i = 1; i <= 5; i++) {
      request.write(eventLines(1));
      await until("its receipt is there", () => request.heard().includes(`{"line":${i},"id":`));
    }
    request.end();
    await until("it ends", () => request.heard().includes('"complete":true'));
    expect(request.heard()).toStartWith("HTTP/1.1 200");
    request.close();
  });

  test("that a client leaves keeps what came, and the server goes on", async () => {
    const type = "business.left.alone";
    const request = await openRequest("/v1/events");
    request.write(`${eventLines(50, undefined, type)}{"type":"cut in the mid`);
    const published = () => gateway.metric("tidegate_events_published_total");
    await until("it is kept", async () => (await published()) >= 50);
    request.close();
    await until(
      "nobody reads it",
      async () => (await gateway.metric("tidegate_ingest_bodies")) === 0,
    );
    expect(await recordsOf(type)).toHaveLength(50);
    expect(gateway.faults).toEqual([]);
  });

  test("is refused without a token, and with other methods", async () => {
    const nobody = await fetch(`${gateway.url}/v1/events`, { method: "POST", headers: LINES });
    expect(nobody.status).toBe(401);
    const get = await gateway.request(ANA, "GET", "/v1/events");
    expect([get.status, get.headers.get("Allow")]).toEqual([405, "POST"]);
  });
});

describe("tenants that share a topic", () => {
  test("have keys, headers and ids apart, whatever their clients say", async () => {
    const type = "business.walls.tested";
    const text =
      line({ type, key: "k", id: "same-id", payload: { tenant_id: "umbra" } }) +
      line({ type, key: "../umbra/k", id: "same-id", tenant_id: "umbra", payload: {} }) +
      line({ type, key: "umbra/k", headers: { tenant: "umbra" }, payload: {} });
    const umbra = { user: "ana", tenant: "umbra", capabilities: ALL };
    expect(await post(text)).toMatchObject({ accepted: 3 });
    expect(await post(text, umbra)).toMatchObject({ accepted: 3 });
    const records = await recordsOf(type);
    const seen = records.map(({ key, headers, value }) => {
      const { id, tenant_id } = JSON.parse(value) as { id: string; tenant_id: string };
      return { tenant: key.slice(0, key.indexOf("/")), header: headers["tenant"], tenant_id, id };
    });
    for (const tenant of ["acme", "umbra"]) {
      const own = seen.filter((one) => one.tenant === tenant);
      expect(own).toHaveLength(3);
      for (const one of own) expect([one.header, one.tenant_id]).toEqual([tenant, tenant]);
    }
    const ids = (tenant: string) =>
      new Set(seen.filter((one) => one.tenant === tenant).map(({ id }) => id));
    expect([...ids("acme")].filter((id) => ids("umbra").has(id))).toEqual([]);
    // A token of one type publishes no other.
    const narrow = { user: "ana", capabilities: { "analytics.*": ["publish"] } } as const;
    expect(await post(text, narrow)).toMatchObject({ accepted: 0, code: "forbidden" });
  });
});
