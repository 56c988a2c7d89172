import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { CLUSTER_SETTINGS } from "../../../src/config-cluster-table.ts";
import { parseClusterConfig } from "../../../src/config-cluster.ts";
import { KAFKA_SETTINGS } from "../../../src/config-kafka-table.ts";
import { SETTINGS } from "../../../src/config-table.ts";
import { composeFile } from "../../support/services/compose.ts";
import { imageEnvironment } from "../../support/services/kafka-compose.ts";
import { brokerProperties } from "../../support/services/kafka-config.ts";

const root = join(import.meta.dir, "../../..");

interface Targets {
  readonly static_configs: readonly { readonly targets: readonly string[] }[];
}

const duration = z.string().regex(/^\d+s$/);
const word = z.string().min(1);
/** Named ones, and files of the tree that nothing in a container may change. */
const volume = z.string().regex(/^(?:[a-z0-9-]+:\/[a-z/]+|\.\/deploy\/[a-z/]+:\/[a-z/]+:ro)$/);
/** What of the Compose specification is used here, and no more. */
const serviceSchema = z.strictObject({
  image: z.string().regex(/^[a-z/]+(?::[\w.-]+)?$/),
  build: z.literal(".").optional(),
  profiles: z.tuple([z.literal("observability")]).optional(),
  restart: z.literal("unless-stopped"),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()).optional(),
  ports: z.array(z.string().regex(/^127\.0\.0\.1:\d+:\d+$/)).optional(),
  volumes: z.array(volume).optional(),
  depends_on: z
    .record(word, z.strictObject({ condition: z.literal("service_healthy") }))
    .optional(),
  healthcheck: z.strictObject({
    test: z.tuple([z.literal("CMD")], z.string()),
    interval: duration,
    timeout: duration,
    retries: z.int().positive(),
    start_period: duration.optional(),
  }),
});
const fileSchema = z
  .strictObject({
    name: word,
    services: z.record(word, serviceSchema),
    volumes: z.record(word, z.null()),
  })
  .catchall(z.never());

const text = await Bun.file(join(root, "compose.yml")).text();
const parsed = Bun.YAML.parse(text) as Record<string, unknown>;
const extensions = Object.keys(parsed).filter((key) => key.startsWith("x-"));
const compose = fileSchema.parse(
  Object.fromEntries(Object.entries(parsed).filter(([key]) => !extensions.includes(key))),
);
const services = Object.entries(compose.services);
const named = (prefix: string) => services.filter(([name]) => name.startsWith(prefix));

test("has the processes of a small cluster", () => {
  const always = services.filter(([, { profiles }]) => profiles === undefined);
  expect(always.map(([name]) => name).toSorted()).toEqual([
    "consumers-1",
    "consumers-2",
    "gateway-1",
    "gateway-2",
    "kafka-1",
    "kafka-2",
    "kafka-3",
    "postgres",
    "redis",
  ]);
});

test("has what watches them in a profile of its own, with targets and a key that fit", async () => {
  const watching = services.filter(([, { profiles }]) => profiles !== undefined);
  expect(watching.map(([name]) => name).toSorted()).toEqual([
    "alertmanager",
    "grafana",
    "prometheus",
  ]);
  const scraping = Bun.YAML.parse(
    await Bun.file(join(root, "deploy/prometheus/prometheus.yml")).text(),
  ) as {
    readonly alerting: { readonly alertmanagers: readonly Targets[] };
    readonly scrape_configs: readonly (Targets & { readonly job_name: string })[];
  };
  const ports = { gateway: 8_080, consumers: 8_081 };
  const targets = (kind: "gateway" | "consumers") =>
    named(kind).map(([name]) => `${name}:${ports[kind]}`);
  expect(
    scraping.scrape_configs.map((job) => [job.job_name, job.static_configs[0]?.targets]),
  ).toEqual([
    ["tidegate-gateway", targets("gateway")],
    ["tidegate-consumers", targets("consumers")],
    ["tidegate-tenants", targets("gateway")],
  ]);
  expect(scraping.alerting.alertmanagers[0]?.static_configs[0]?.targets).toEqual([
    "alertmanager:9093",
  ]);
  const key = (await Bun.file(join(root, "deploy/prometheus/admin-key")).text()).trim();
  for (const [, { environment }] of named("gateway"))
    expect(environment?.["TIDEGATE_ADMIN_KEY"]).toBe(key);
});

test("names only services and volumes that are there, and publishes each port once", () => {
  const published: string[] = [];
  for (const [, { depends_on, ports = [], volumes = [] }] of services) {
    for (const name of Object.keys(depends_on ?? {})) {
      expect(compose.services).toHaveProperty([name]);
    }
    for (const mount of volumes) {
      const [source = ""] = mount.split(":");
      if (source.startsWith("./")) expect(existsSync(join(root, source))).toBe(true);
      else expect(compose.volumes).toHaveProperty([source]);
    }
    published.push(...ports.map((port) => port.split(":")[1] ?? ""));
  }
  expect(new Set(published).size).toBe(published.length);
});

test("gives gateways and consumers settings that they take", () => {
  const known = { ...SETTINGS, ...KAFKA_SETTINGS, ...CLUSTER_SETTINGS };
  for (const kind of ["gateway", "consumers"] as const) {
    for (const [, { environment = {}, command = [] }] of named(kind)) {
      for (const name of Object.keys(environment)) expect(known).toHaveProperty([name]);
      const config = parseClusterConfig(environment, kind);
      expect(config.kafka.brokers.map(({ host, port }) => `${host}:${port}`)).toEqual(
        named("kafka").map(([name]) => `${name}:9092`),
      );
      expect(Bun.file(join(root, command.at(-1) ?? "")).size).toBeGreaterThan(0);
    }
  }
});

test("gives each process a worker's name of its own", () => {
  const names = [...named("gateway"), ...named("consumers")].map(
    ([, { environment }]) => environment?.["TIDEGATE_WORKER"],
  );
  expect(names).toEqual(["gateway-1", "gateway-2", "consumers-1", "consumers-2"]);
});

test("gives the brokers one cluster, and each its own name and number", () => {
  const kafka = named("kafka");
  const environments = kafka.map(([, { environment = {} }]) => environment);
  expect(new Set(environments.map((all) => all["CLUSTER_ID"])).size).toBe(1);
  expect(Buffer.from(environments[0]?.["CLUSTER_ID"] ?? "", "base64url").length).toBe(16);
  for (const [index, [name]] of kafka.entries()) {
    const environment = environments[index] ?? {};
    expect(environment["KAFKA_NODE_ID"]).toBe(String(index + 1));
    expect(environment["KAFKA_ADVERTISED_LISTENERS"]).toBe(`PLAINTEXT://${name}:9092`);
    expect(environment["KAFKA_CONTROLLER_QUORUM_VOTERS"]).toContain(`${index + 1}@${name}:9093`);
  }
});

test("the image has the Bun that package.json names, and copies what the install reads", async () => {
  const dockerfile = await Bun.file(join(root, "Dockerfile")).text();
  const { engines } = (await Bun.file(join(root, "package.json")).json()) as {
    engines: { bun: string };
  };
  expect(dockerfile).toContain(`FROM oven/bun:${engines.bun}-slim\n`);
  const copied = [...dockerfile.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, sources = ""]) =>
    sources.split(" "),
  );
  for (const source of copied.filter((name) => name !== ".")) {
    expect(await Bun.file(join(root, source)).exists()).toBe(true);
  }
  expect(copied).toContain(`${dirname("scripts/install.ts")}/install.ts`);
});

test("a container of the tests publishes its port on the loopback address", () => {
  expect(JSON.parse(composeFile({ image: "redis:7-alpine", port: 4_000 }))).toEqual({
    services: { service: { image: "redis:7-alpine", ports: ["127.0.0.1:4000:4000"] } },
  });
});

test("the image of Kafka is told the properties by environment, and listens inside", () => {
  const all = [{ client: 1, internal: 2, controller: 3 }];
  const properties = brokerProperties({ shape: "plain", index: 0, all, folder: "/tmp/kafka" });
  expect(imageEnvironment(properties)).toMatchObject({
    KAFKA_NODE_ID: "1",
    KAFKA_LISTENERS: "CLIENT://0.0.0.0:1,INTERNAL://0.0.0.0:2,CONTROLLER://0.0.0.0:3",
    KAFKA_ADVERTISED_LISTENERS: "CLIENT://127.0.0.1:1,INTERNAL://127.0.0.1:2",
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: "false",
  });
  expect(imageEnvironment("a.b-c_d=e=f\n")).toMatchObject({ KAFKA_A_B___C__D: "e=f" });
});
