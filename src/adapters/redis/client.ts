import { Redis, type RedisOptions as ClientOptions } from "ioredis";
import type { HostPort, RedisAddress } from "./address.ts";
import { redisError, unsuitable } from "./error.ts";

/** What is the same for every connection. */
export interface ClientSettings {
  readonly address: RedisAddress;
  /** PEM of authorities to trust besides the system's. */
  readonly ca?: string | undefined;
  readonly connectTimeoutMs: number;
  /** What the connection is called in Redis' CLIENT LIST. */
  readonly connectionName: string;
}

const MAJOR_MIN = 7;

/**
 * A connection for one life: it is never made again by the library, never sends again what was cut
 * off, and keeps nothing for later. Whoever uses it opens another one.
 */
function createClient(settings: ClientSettings, node: HostPort | undefined): Redis {
  const { address, ca } = settings;
  const tls = address.tls ? { tls: ca === undefined ? {} : { ca } } : {};
  const options: ClientOptions = {
    ...where(settings, node),
    lazyConnect: true,
    connectTimeout: settings.connectTimeoutMs,
    connectionName: settings.connectionName,
    ...present({ username: address.username, password: address.password }),
    db: address.db,
    ...tls,
    // INFO may be forbidden and is long; `openClient` asks HELLO.
    enableReadyCheck: false,
    disableClientInfo: true,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: null,
    retryStrategy: () => null,
    // Both kinds of traffic on one connection, and answers that cannot be taken for messages.
    protocol: 3,
  };
  return new Redis({ ...options, replyMapping: "legacy" });
}

function where({ address, ca }: ClientSettings, node: HostPort | undefined): ClientOptions {
  if (address.mode !== "sentinel") return node ?? (address.hosts[0] as HostPort);
  const { sentinelUsername, sentinelPassword, master } = address;
  return {
    sentinels: address.hosts.map(({ host, port }) => ({ host, port })),
    sentinelRetryStrategy: () => null,
    enableTLSForSentinelMode: address.tls,
    ...present({ name: master, sentinelUsername, sentinelPassword }),
    ...(address.tls ? { sentinelTLS: ca === undefined ? {} : { ca } } : {}),
  };
}

/** Without what is undefined: the library takes a present field for a set one. */
function present(fields: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Record<string, string>;
}

/**
 * Opens a connection and checks that the server is of use.
 * @param node the node of a cluster; the address's server or Sentinel's master when absent
 * @throws backplane_unavailable when it cannot be reached or does not let us in; backplane_unsuitable
 *   when it is too old, of another mode than the address says, or a replica
 */
export async function openClient(settings: ClientSettings, node?: HostPort): Promise<Redis> {
  const client = createClient(settings, node);
  // `connect` rejects with "Connection is closed."; the reason comes as an event.
  let reason: unknown;
  client.on("error", (error: unknown) => (reason ??= error));
  const timer = setTimeout(() => {
    reason ??= new Error("connect ETIMEDOUT");
    abandonClient(client);
  }, settings.connectTimeoutMs);
  try {
    await client.connect();
    checkServer(await describeServer(client), settings.address.mode);
    return client;
  } catch (error) {
    abandonClient(client);
    throw redisError(reason ?? error);
  } finally {
    clearTimeout(timer);
  }
}

/** Ends a connection at once, also one whose server has gone silent. */
export function abandonClient(client: Redis): void {
  client.disconnect();
  // The library waits for the other side's end of the connection; a frozen server sends none.
  (client as unknown as { stream?: { destroy(): void } }).stream?.destroy();
}

export interface ServerFacts {
  readonly version: string;
  readonly mode: string;
  readonly role: string;
}

export async function describeServer(client: Redis): Promise<ServerFacts> {
  let reply: unknown;
  try {
    reply = await client.call("HELLO");
  } catch (error) {
    if (/unknown command/i.test(String(error))) throw tooOld("older than 6");
    throw error;
  }
  const facts = new Map<string, string>();
  if (Array.isArray(reply))
    for (let i = 0; i + 1 < reply.length; i += 2) facts.set(String(reply[i]), String(reply[i + 1]));
  return {
    version: facts.get("version") ?? "",
    mode: facts.get("mode") ?? "",
    role: facts.get("role") ?? "",
  };
}

function tooOld(version: string): Error {
  return unsuitable(
    `Redis at REDIS_URL is ${version}; version ${MAJOR_MIN} or later is needed (sharded pub/sub)`,
  );
}

/** @throws backplane_unsuitable */
export function checkServer(facts: ServerFacts, mode: RedisAddress["mode"]): void {
  const { version, role } = facts;
  if (!(Number.parseInt(version, 10) >= MAJOR_MIN))
    throw tooOld(version === "" ? "of no version" : `version ${version}`);
  if (facts.mode === "sentinel")
    throw unsuitable("REDIS_URL names a sentinel: write redis+sentinel://host:port/master-name");
  if (facts.mode === "cluster" && mode !== "cluster")
    throw unsuitable("REDIS_URL names a node of a Redis Cluster: write redis+cluster://…");
  if (facts.mode !== "cluster" && mode === "cluster")
    throw unsuitable("REDIS_URL says redis+cluster, but the server is not in cluster mode");
  // PUBLISH works on a replica and reaches nobody elsewhere: it would be lost without an error.
  if (role !== "master" && mode !== "cluster")
    throw unsuitable(`REDIS_URL leads to a read-only replica (its role is ${role})`);
}
