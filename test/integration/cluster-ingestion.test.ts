import { expect, test } from "bun:test";
import type { HistoryReply } from "../../src/wire/frame.ts";
import type { IngestReply } from "../../src/wire/http.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { eventLines, expectExact, line, numbersIn } from "../support/gateway/memory-ingest.ts";
import { freshKey } from "../support/gateway/sending.ts";
import { trust } from "../support/gateway/trust.ts";
import { until } from "../support/gateway/until.ts";
import { openKafkaLog } from "../support/kafka-log.ts";
import { useKafka } from "../support/services/kafka.ts";

const EVENTS = 3_000;
const MESSAGES = 300;

test("a body's messages and events of two tenants are each in their place in a cluster", async () => {
  await using cluster = await TestCluster.create();
  const acme = await cluster.addTenant("acme");
  const umbra = await cluster.addTenant("umbra");
  const { url } = await cluster.startGateway();
  await cluster.startConsumers(["delivery"]);
  const type = `business.${cluster.name}.created`;
  const { brokers } = await useKafka();
  const log = openKafkaLog(brokers);
  const request = async (tenant: string, method: string, path: string, body?: string) => {
    const capabilities = { "*": ["send", "publish", "history"] } as const;
    const token = await trust.token({ user: "ana", tenant, capabilities });
    return fetch(`${url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/x-ndjson" },
      ...(body !== undefined && { body }),
    });
  };
  try {
    for (const { name } of [acme, umbra]) {
      let text = eventLines(EVENTS, (i) => `key-${i % 30}`, type);
      for (let i = 0; i < MESSAGES; i++)
        text += line({
          send: { conversation: "general", key: freshKey(), attempt: 1, content: { i } },
        });
      const response = await request(name, "POST", "/v1/events", text);
      const reply = (await response.json()) as IngestReply;
      expect([response.status, reply.faults]).toEqual([200, []]);
      expectExact(reply);
      expect(new Set(reply.kept.map(({ durability }) => durability))).toEqual(new Set(["log"]));
    }
    for (const { name } of [acme, umbra]) {
      const history = async (): Promise<HistoryReply> => {
        const path = "/v1/conversations/general/messages?limit=1000";
        return (await (await request(name, "GET", path)).json()) as HistoryReply;
      };
      await until("all are placed", async () => (await history()).head === MESSAGES, 30_000);
      const numbers = (await history()).events.map(
        ({ event }) => (event.content as { i: number }).i,
      );
      expect(numbers).toEqual(Array.from({ length: MESSAGES }, (_, i) => i));
    }
    const info = await log.describeTopic(type);
    expect(info?.partitions).toBe(8);
    const records: LogRecord[] = [];
    for (let partition = 0; partition < 8; partition++) {
      const { start, end } = await log.range(type, partition);
      if (end > start)
        records.push(...(await log.read(type, partition, start, 2 * EVENTS)).records);
    }
    expect(records).toHaveLength(2 * EVENTS);
    for (const { name } of [acme, umbra])
      for (let key = 0; key < 30; key++) {
        const own = records.filter((record) => record.key === `${name}/key-${key}`);
        expect(new Set(own.map(({ headers }) => headers["tenant"]))).toEqual(new Set([name]));
        expect(numbersIn(own)).toEqual(Array.from({ length: EVENTS / 30 }, (_, i) => i * 30 + key));
      }
  } finally {
    await log.deleteTopic(type);
    await log.close();
  }
}, 120_000);
