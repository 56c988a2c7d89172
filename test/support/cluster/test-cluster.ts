import { SQL } from "bun";
import { createKafkaEventLog } from "../../../src/adapters/kafka/event-log.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { createClient, type Client } from "../../../src/client/tidegate.ts";
import { parseAddress } from "../../../src/config-kafka-table.ts";
import { KAFKA_DEFAULTS, type KafkaBroker } from "../../../src/kafka/settings.ts";
import { trust } from "../gateway/trust.ts";
import { useKafka } from "../services/kafka.ts";
import { usePostgres } from "../services/postgres.ts";
import { useRedis } from "../services/redis.ts";
import { ClusterProgram } from "./cluster-program.ts";
import { runTool, type Settings } from "./tool.ts";

/** Name of a cluster, and part of its tenants' names, that no other run has. */
function uniqueName(): string {
  return `t${createSystemRandom().uuidv7().slice(-10)}`;
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
  readonly #tenants: string[] = [];
  readonly #brokers: readonly string[];

  private constructor(brokers: readonly string[], redis: string, postgres: string) {
    this.#brokers = brokers;
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

  static async create(): Promise<TestCluster> {
    const [kafka, redis, postgres] = await Promise.all([useKafka(), useRedis(), usePostgres()]);
    return new TestCluster(kafka.brokers, redis.url, postgres.url);
  }

  async startGateway(settings: Settings = {}): Promise<ClusterProgram> {
    return this.#start("gateway/main.ts", [], settings);
  }

  async startConsumers(
    args: readonly string[] = [],
    settings: Settings = {},
  ): Promise<ClusterProgram> {
    return this.#start("consumers/main.ts", args, settings);
  }

  /** A tenant's full name. @param word unique within the cluster */
  tenantName(word: string): string {
    return `${this.name}-${word}`;
  }

  /** Adds a tenant. @returns its full name */
  async addTenant(word: string, args: readonly string[] = ["--plan", "small"]): Promise<string> {
    const name = this.tenantName(word);
    await this.tenants("add", name, ...args);
    this.#tenants.push(name);
    return name;
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
    const log = createKafkaEventLog({
      settings: {
        ...KAFKA_DEFAULTS,
        brokers: this.#brokers.map((address) => parseAddress(address) as KafkaBroker),
        clientId: "tidegate-test",
      },
      clock: createSystemClock(),
    });
    for (const tenant of this.#tenants) await log.deleteTopic(`chat.messages.${tenant}`);
    await log.close();
    await using sql = new SQL(this.settings["DATABASE_URL"] as string);
    await sql.unsafe(`DROP SCHEMA IF EXISTS "${this.name}" CASCADE`);
  }

  async #start(file: string, args: readonly string[], settings: Settings): Promise<ClusterProgram> {
    const program = await ClusterProgram.start(file, args, { ...this.settings, ...settings });
    this.#programs.push(program);
    return program;
  }
}
