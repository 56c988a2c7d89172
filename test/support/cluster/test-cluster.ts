import { createKafkaEventLog } from "../../../src/adapters/kafka/event-log.ts";
import { PostgresDatabase, quoteName } from "../../../src/adapters/postgres/database.ts";
import { migrate } from "../../../src/adapters/postgres/migrate.ts";
import { PostgresTenantAdmin } from "../../../src/adapters/postgres/tenant-admin.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { createClient, type Client } from "../../../src/client/tidegate.ts";
import { parseAddress } from "../../../src/config-kafka-table.ts";
import { KAFKA_DEFAULTS, type KafkaBroker } from "../../../src/kafka/settings.ts";
import type { PlanName } from "../../../src/plans.ts";
import type { EventLog } from "../../../src/ports/event-log.ts";
import type { Tenant } from "../../../src/tenants.ts";
import { trust } from "../gateway/trust.ts";
import { until } from "../gateway/until.ts";
import { useKafka } from "../services/kafka.ts";
import { usePostgres } from "../services/postgres.ts";
import { useRedis } from "../services/redis.ts";
import { ClusterProgram } from "./cluster-program.ts";
import { runTool, type Settings } from "./tool.ts";

/** Name of a cluster, and part of its tenants' names, that no other run has. */
function uniqueName(): string {
  return `t${createSystemRandom().uuidv7().slice(-10)}`;
}

interface Services {
  readonly kafka: { readonly brokers: readonly string[] };
  readonly postgres: { readonly url: string };
  readonly redis: { readonly url: string };
}

/**
 * A cluster of its own name on the services that tests share. What it made is gone at the end:
 * processes, the schema and the tenants' topics.
 */
export class TestCluster implements AsyncDisposable {
  readonly name = uniqueName();
  readonly settings: Settings;
  readonly #programs: ClusterProgram[] = [];
  readonly #clients: Client[] = [];
  readonly #tenants: Tenant[] = [];
  readonly #log: EventLog;
  readonly #database: PostgresDatabase;
  readonly #admin: PostgresTenantAdmin;

  private constructor(brokers: readonly string[], redis: string, postgres: string) {
    this.#log = createKafkaEventLog({
      settings: {
        ...KAFKA_DEFAULTS,
        brokers: brokers.map((address) => parseAddress(address) as KafkaBroker),
        clientId: "tidegate-test",
      },
      clock: createSystemClock(),
    });
    this.#database = new PostgresDatabase({
      url: postgres,
      schema: this.name,
      applicationName: "tidegate-test",
      connectionsMax: 1,
      waitingMax: 100,
      connectTimeoutMs: 10_000,
      statementTimeoutMs: 10_000,
    });
    this.#admin = new PostgresTenantAdmin({
      database: this.#database,
      log: this.#log,
      retentionMs: 3_600_000,
      retentionBytes: undefined,
    });
    this.settings = {
      ...trust.settings,
      KAFKA_BROKERS: brokers.join(","),
      REDIS_URL: redis,
      DATABASE_URL: postgres,
      TIDEGATE_CLUSTER: this.name,
      TIDEGATE_CONSUMERS_PORT: "0",
      DATABASE_POOL_MAX: "6",
      PORT: "0",
    };
  }

  /** @param own services instead of those that tests share */
  static async create(own: Partial<Services> = {}): Promise<TestCluster> {
    const [kafka, redis, postgres] = await Promise.all([
      own.kafka ?? useKafka(),
      own.redis ?? useRedis(),
      own.postgres ?? usePostgres(),
    ]);
    const cluster = new TestCluster(kafka.brokers, redis.url, postgres.url);
    await migrate(cluster.#database);
    return cluster;
  }

  async startGateway(settings: Settings = {}): Promise<ClusterProgram> {
    return this.#start("gateway/main.ts", [], settings);
  }

  /** Starts a consumers process that may never become ready. */
  launchConsumers(args: readonly string[]): ClusterProgram {
    const program = new ClusterProgram("consumers/main.ts", args, this.settings);
    this.#programs.push(program);
    return program;
  }

  async startConsumers(
    args: readonly string[] = [],
    settings: Settings = {},
  ): Promise<ClusterProgram> {
    return this.#start("consumers/main.ts", args, settings);
  }

  /** Adds a tenant, as the command does. @returns its full name and place */
  async addTenant(word: string, plan: PlanName = "small"): Promise<Tenant> {
    const { tenant } = await this.#admin.add({ name: `${this.name}-${word}`, plan });
    this.#tenants.push(tenant);
    return tenant;
  }

  /** Deletes a tenant's topic and makes it anew, as a mistaken operator does. */
  async recreateTopic({ placement }: Tenant): Promise<void> {
    const { topic: name, partitions } = placement;
    await this.#log.deleteTopic(name);
    await until(
      "the topic is gone",
      async () => (await this.#log.describeTopic(name)) === undefined,
    );
    await this.#log.createTopic({ name, partitions, retentionMs: 3_600_000 });
  }

  /** Runs the command of that name. @returns what it printed */
  async tenants(...args: readonly string[]): Promise<string> {
    const { code, output, errors } = await runTool("cli/tenants.ts", args, this.settings);
    if (code !== 0) throw new Error(`tenants ${args.join(" ")}: ${errors}`);
    return output;
  }

  client(gateway: string, tenant: string, user: string): Client {
    const client = createClient({
      url: `${gateway.replace(/^http/, "ws")}/v1/socket`,
      token: () => trust.token({ tenant, user }),
      backoffCapMs: 500,
    });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all(this.#programs.map((program) => program[Symbol.asyncDispose]()));
    const own = this.#tenants.filter(({ placement }) => !placement.shared);
    for (const { placement } of own) await this.#log.deleteTopic(placement.topic);
    await this.#log.close();
    await this.#database.use(async (session) => {
      await session.unsafe(`DROP SCHEMA ${quoteName(this.name)} CASCADE`);
    });
    await this.#database.close();
  }

  async #start(file: string, args: readonly string[], settings: Settings): Promise<ClusterProgram> {
    const program = await ClusterProgram.start(file, args, { ...this.settings, ...settings });
    this.#programs.push(program);
    return program;
  }
}
