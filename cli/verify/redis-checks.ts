import { parseRedisUrl, type RedisAddress } from "../../src/adapters/redis/address.ts";
import { createRedisBackplane } from "../../src/adapters/redis/backplane.ts";
import { abandonClient, describeServer, openClient } from "../../src/adapters/redis/client.ts";
import type { ClusterConfig } from "../../src/config-cluster.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Random } from "../../src/ports/random.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";
import { asSetting } from "../cluster/open.ts";
import { type Check, checksOf, Fault, within } from "./check.ts";
import { openSocket, resolveHost } from "./network.ts";

export interface RedisCheckOptions {
  readonly config: ClusterConfig;
  /** PEM of authorities. */
  readonly ca: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

const TIMEOUT_MS = 5_000;

/** The network, the server, and a word through pub/sub. @throws ConfigError for a URL that is none */
export function redisChecks(options: RedisCheckOptions): readonly Check[] {
  const { config, ca } = options;
  const address = asSetting("REDIS_URL", () => parseRedisUrl(config.redis.url));
  const check = checksOf("redis");
  return [
    check("dns", [], async () => {
      const found: string[] = [];
      for (const { host } of address.hosts)
        found.push(`${host} → ${await resolveHost(host, "REDIS_URL")}`);
      return [...new Set(found)].join("; ");
    }),
    check("tcp", ["dns"], async () => {
      for (const { host, port } of address.hosts)
        (await openSocket(host, port, TIMEOUT_MS, "REDIS_URL")).destroy();
      return `${address.hosts.map(({ host, port }) => `${host}:${port}`).join(", ")} is open`;
    }),
    check("server", ["tcp"], () => checkServer(address, ca)),
    check("pub/sub", ["server"], () => checkPubSub(options)),
  ];
}

async function checkServer(address: RedisAddress, ca: string | undefined): Promise<string> {
  const client = await openClient(
    { address, ca, connectTimeoutMs: TIMEOUT_MS, connectionName: "tidegate-verify" },
    address.mode === "cluster" ? address.hosts[0] : undefined,
  );
  try {
    const { version, mode, role } = await describeServer(client);
    return `Redis ${version}, ${mode}, ${role}`;
  } finally {
    abandonClient(client);
  }
}

/** A beat from a worker to a gateway, over the backplane that both use. */
async function checkPubSub(options: RedisCheckOptions): Promise<string> {
  const { config, ca, clock, random, telemetry } = options;
  const { limits } = config;
  const backplane = createRedisBackplane({
    url: config.redis.url,
    ca,
    prefix: config.cluster,
    clock,
    random,
    limits,
    telemetry,
  });
  const topic = `internal.verify.${random.uuidv7()}`;
  const heard = Promise.withResolvers<void>();
  const startedAt = performance.now();
  const unanswer = backplane.answerBeats(topic, 0, () => ({
    topic,
    partition: 0,
    ownerEpoch: 1,
    number: 0,
    publishedThrough: 0,
    storedThrough: 0,
  }));
  const member = backplane.attach({
    publication: () => undefined,
    beat: (beat) => beat.topic === topic && heard.resolve(),
    refusal: () => undefined,
    interrupted: () => undefined,
  });
  try {
    await within(TIMEOUT_MS, backplane.opened());
    await within(TIMEOUT_MS, member.join("verify", "verify", topic, 0));
    member.askBeat(topic, 0);
    await within(TIMEOUT_MS, heard.promise);
    return `a word came through in ${Math.round(performance.now() - startedAt)} ms`;
  } catch (error) {
    const problem = backplane.problem();
    throw problem === undefined ? error : redisFault(problem);
  } finally {
    unanswer();
    await member.close();
    await backplane.close();
  }
}

/** The adapter's errors name the setting within their sentence. */
export function redisFault(error: unknown): Fault {
  const message = error instanceof Error ? error.message : String(error);
  return new Fault(
    message,
    /REDIS_TLS_CA|certificate/i.test(message) ? "REDIS_TLS_CA" : "REDIS_URL",
  );
}
