import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import {
  Admin,
  Consumer,
  Producer,
  stringDeserializers,
  stringSerializers,
} from "@platformatic/kafka";
import type { BaseOptions } from "@platformatic/kafka";
import { RedisClient, SQL } from "bun";
import { Cluster, Redis } from "ioredis";
import { heedless } from "../support/kafka-client.ts";
import { startProgram } from "../support/program.ts";
import { startKafka } from "../support/services/kafka.ts";
import type { Kafka } from "../support/services/kafka.ts";
import { startPostgres } from "../support/services/postgres.ts";
import { startRedis } from "../support/services/redis.ts";

const TOPIC = "services";
const MINUTES_2 = 120_000;

test(
  "a plain broker keeps its records when it is killed, behind its proxy too",
  async () => {
    await using kafka = await startKafka({ proxied: true });
    const proxied = clientOptions(kafka.proxiedBrokers);
    await createTopic(clientOptions(kafka.brokers), 1);
    await produce(proxied, ["before"]);
    await kafka.kill();
    await kafka.start();
    await produce(proxied, ["after"]);
    expect(await consume(proxied, 2)).toEqual(["before", "after"]);
    await kafka.proxies[0]?.cut();
    await expect(produce({ ...proxied, retries: 0 }, ["never"])).rejects.toThrow();
  },
  MINUTES_2,
);

test(
  "a secure broker takes passwords and certificates, and asks the ACLs",
  async () => {
    await using kafka = await startKafka({ shape: "secure" });
    const security = kafka.security;
    if (security === undefined) throw new Error("there is no security");
    const tls = { ca: await Bun.file(security.caFile).text() };
    for (const mechanism of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const) {
      const admin = { mechanism, username: "admin", password: security.users.admin };
      const options = { ...clientOptions(kafka.brokers), tls, sasl: admin };
      if (mechanism === "PLAIN") await createTopic(options, 1);
      await produce(options, [mechanism]);
    }
    const mutual = {
      ...clientOptions(security.mutualBrokers),
      tls: {
        ...tls,
        cert: await Bun.file(security.client.certFile).text(),
        key: await Bun.file(security.client.keyFile).text(),
      },
    };
    await expect(produce({ ...mutual, retries: 0 }, ["mutual"])).rejects.toThrow();
    const grant = ["--add", "--allow-principal", "User:gateway", "--producer", "--topic", TOPIC];
    const granted = await kafka.tool("org.apache.kafka.tools.AclCommand", grant);
    expect(granted).toMatchObject({ exitCode: 0 });
    await produce(mutual, ["mutual"]);
    const wrong = { mechanism: "SCRAM-SHA-512", username: "admin", password: "wrong" } as const;
    await expect(
      produce({ ...clientOptions(kafka.brokers), tls, sasl: wrong, retries: 0 }, ["x"]),
    ).rejects.toThrow();
  },
  MINUTES_2,
);

test(
  "three brokers go on without one of them",
  async () => {
    await using kafka = await startKafka({ shape: "cluster" });
    const options = clientOptions(kafka.brokers);
    await createTopic(options, 3);
    await produce(options, ["three"]);
    await kafka.kill("SIGKILL", 2);
    await produce(options, ["two"]);
    await kafka.start(2);
    const topic = await kafka.tool("org.apache.kafka.tools.TopicCommand", [
      "--describe",
      "--topic",
      TOPIC,
    ]);
    expect(topic.output).toMatch(/ReplicationFactor: 3\s+Configs: min.insync.replicas=2/);
    expect(await consume(options, 2)).toEqual(["three", "two"]);
  },
  MINUTES_2,
);

test(
  "Postgres recovers what was committed before it was killed",
  async () => {
    await using postgres = await startPostgres();
    await query(postgres.url, "CREATE TABLE kept AS SELECT 7 AS number");
    await postgres.kill();
    await postgres.start();
    expect(await query(postgres.url, "SELECT number FROM kept")).toEqual([{ number: 7 }]);
  },
  MINUTES_2,
);

test(
  "Postgres answers nobody while it is paused",
  async () => {
    await using postgres = await startPostgres();
    const sql = new SQL(postgres.url, { max: 1 });
    await sql`SELECT 1`;
    await postgres.pause();
    let isAnswered = false;
    const answer = sql`SELECT 1`.then(() => (isAnswered = true));
    // A second connection, of which the kernel takes the bytes, shows that time has passed.
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ host: "127.0.0.1", port: postgres.port }, () => socket.write("x"));
      socket.setTimeout(300, () => resolve(void socket.destroy()));
      socket.on("data", () => reject(new Error("it answers")));
      socket.on("error", reject);
    });
    expect(isAnswered).toBe(false);
    await postgres.resume();
    expect(await answer).toBe(true);
    await sql.close();
  },
  MINUTES_2,
);

test(
  "a single Redis keeps its keys when it is killed",
  async () => {
    await using redis = await startRedis({ settings: { appendfsync: "always" } });
    const client = new RedisClient(redis.url);
    await client.set("kept", "7");
    await redis.kill();
    await redis.start();
    const again = new RedisClient(redis.url);
    expect(await again.get("kept")).toBe("7");
    client.close();
    again.close();
  },
  MINUTES_2,
);

test(
  "Redis Cluster serves every slot and sharded channels",
  async () => {
    await using redis = await startRedis({ mode: "cluster" });
    const cluster = new Cluster([{ host: "127.0.0.1", port: redis.ports[0] ?? 0 }]);
    for (const key of ["a", "b", "c", "d", "e", "f"]) await cluster.set(key, key);
    expect(await cluster.get("f")).toBe("f");
    expect(await cluster.spublish("channel", "hello")).toBe(0);
    cluster.disconnect();
  },
  MINUTES_2,
);

test(
  "Sentinel hands over to the replica when the master is killed",
  async () => {
    await using redis = await startRedis({ mode: "sentinel" });
    const sentinels = redis.ports.slice(2).map((port) => ({ host: "127.0.0.1", port }));
    const client = new Redis({ sentinels, name: "tidegate", maxRetriesPerRequest: null });
    client.on("error", () => {});
    await client.set("kept", "7");
    await client.wait(1, 0);
    await redis.kill();
    expect(await client.get("kept")).toBe("7");
    expect(await client.role()).toContain("master");
    client.disconnect();
  },
  MINUTES_2,
);

test(
  "nothing is left of the services of a process that was killed",
  async () => {
    await using program = startProgram("services/holder-fixture.ts", []);
    await program.when(() => program.lines.some((line) => line.startsWith("{")));
    const { folder, pids } = JSON.parse(program.lines.at(-1) ?? "") as {
      folder: string;
      pids: number[];
    };
    expect(pids.length).toBe(2);
    expect(pids.every(isAlive)).toBe(true);
    program.kill("SIGKILL");
    await program.ended;
    while (existsSync(folder) || pids.some(isAlive)) await Bun.sleep(20);
  },
  MINUTES_2,
);

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}/cmdline`) && existsSync(`/proc/${pid}/exe`);
}

function clientOptions(brokers: Kafka["brokers"]): BaseOptions {
  const bootstrapBrokers = [...brokers];
  return { clientId: "services-test", bootstrapBrokers, connectTimeout: 2_000, retries: 8 };
}

async function createTopic(options: BaseOptions, replicas: number): Promise<void> {
  const admin = heedless(new Admin(options));
  await admin.createTopics({ topics: [TOPIC], partitions: 1, replicas });
  await admin.close();
}

async function produce(options: BaseOptions, values: readonly string[]): Promise<void> {
  const producer = heedless(new Producer({ ...options, serializers: stringSerializers }));
  try {
    await producer.send({ messages: values.map((value) => ({ topic: TOPIC, value })), acks: -1 });
  } finally {
    await producer.close(true);
  }
}

async function consume(options: BaseOptions, count: number): Promise<string[]> {
  const consumer = heedless(
    new Consumer({
      ...options,
      groupId: crypto.randomUUID(),
      deserializers: stringDeserializers,
    }),
  );
  const stream = await consumer.consume({ topics: [TOPIC], mode: "earliest", autocommit: false });
  const values: string[] = [];
  for await (const { value } of stream) {
    values.push(value);
    if (values.length === count) break;
  }
  await consumer.close(true);
  return values;
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const sql = new SQL(url, { max: 1 });
  const rows: unknown[] = await sql.unsafe(statement);
  await sql.close();
  return [...rows];
}
