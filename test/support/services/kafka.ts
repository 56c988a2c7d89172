import { rm } from "node:fs/promises";
import { join } from "node:path";
import { issue, makeAuthority, pem } from "./certificates.ts";
import { daemonAnswers } from "./compose.ts";
import { whenReady } from "./control.ts";
import type { Control } from "./control.ts";
import { serviceFolder } from "./guard.ts";
import { composeKafka } from "./kafka-compose.ts";
import { brokerProperties, MECHANISMS } from "./kafka-config.ts";
import type { BrokerConfig, BrokerPorts, KafkaShape } from "./kafka-config.ts";
import { kafkaClassPath } from "./kafka-jars.ts";
import { aliveBrokers } from "./kafka-probe.ts";
import { FAST_FLAGS, javaCommand, runKafkaTool } from "./kafka-tool.ts";
import type { ToolResult } from "./kafka-tool.ts";
import { freePorts } from "./ports.ts";
import { startProxy } from "./proxy.ts";
import type { FaultProxy } from "./proxy.ts";
import { ServiceProcess } from "./service-process.ts";

export interface KafkaOptions {
  /** One broker (default); one with TLS, passwords and ACLs; or three with two in sync. */
  readonly shape?: KafkaShape;
  /** A proxy before each broker, and a listener that advertises it. */
  readonly proxied?: boolean;
  /** Of each broker's JVM, such as `1g`. */
  readonly heap?: string;
  /** Of the JVM; those for a fast start when absent. A benchmark wants `[]`. */
  readonly flags?: readonly string[];
  /** Added to each broker's properties. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Life of the brokers' certificate in days; 0: expired. `secure` only. */
  readonly certificateDays?: number;
}

/** What a client needs for the shape `secure`. */
export interface KafkaSecurity {
  readonly caFile: string;
  readonly mechanisms: typeof MECHANISMS;
  /** `admin` may do everything, `gateway` what ACLs allow: nothing at first. */
  readonly users: Readonly<Record<"admin" | "gateway", string>>;
  /** Where a client certificate is asked for instead of a password. */
  readonly mutualBrokers: readonly string[];
  /** The certificate of `User:gateway`. */
  readonly client: { readonly certFile: string; readonly keyFile: string };
}

const HEAP = "320m";

let shared: Promise<{ readonly brokers: readonly string[] }> | undefined;

/**
 * The plain Kafka that tests share, as `host:port`: the one of `TIDEGATE_TEST_KAFKA` (with commas
 * between), else one that is started once and ends with this process. Not to be killed; topics are
 * to have names of their own.
 */
export function useKafka(): Promise<{ readonly brokers: readonly string[] }> {
  const running = process.env["TIDEGATE_TEST_KAFKA"];
  shared ??= running ? Promise.resolve({ brokers: running.split(",") }) : startShared();
  return shared;
}

async function startShared(): Promise<{ readonly brokers: readonly string[] }> {
  return (await daemonAnswers()) ? composeKafka() : startKafka();
}

/** A Kafka of its own, gone at the end of the scope. Resolves when all its brokers serve. */
export async function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  const classPath = await kafkaClassPath();
  const kafka = await Kafka.prepare(classPath, options);
  try {
    await Promise.all(kafka.brokers.map((_, index) => kafka.start(index)));
    return kafka;
  } catch (error) {
    await kafka.stop();
    throw error;
  }
}

/** Brokers are counted from 0; their node ids from 1. */
export class Kafka implements AsyncDisposable {
  readonly brokers: readonly string[];
  /** Addresses behind {@link proxies}; empty without. */
  readonly proxiedBrokers: readonly string[];
  readonly proxies: readonly FaultProxy[];
  readonly security: KafkaSecurity | undefined;
  readonly #ports: readonly BrokerPorts[];
  readonly #controls: readonly Control[];
  readonly #folder: string;

  private constructor(parts: {
    ports: readonly BrokerPorts[];
    controls: readonly Control[];
    proxies: readonly FaultProxy[];
    security: KafkaSecurity | undefined;
    folder: string;
  }) {
    this.#ports = parts.ports;
    this.#controls = parts.controls;
    this.#folder = parts.folder;
    this.security = parts.security;
    this.proxies = parts.proxies;
    this.brokers = parts.ports.map(({ client }) => `127.0.0.1:${client}`);
    this.proxiedBrokers = parts.proxies.map(({ address }) => address);
  }

  /** Formats the data folders; starts nothing but the proxies. */
  static async prepare(classPath: string, options: KafkaOptions): Promise<Kafka> {
    const { shape = "plain", heap = HEAP, flags = FAST_FLAGS } = options;
    const folder = serviceFolder(`kafka-${shape}`);
    const all = Array.from({ length: shape === "cluster" ? 3 : 1 }, () => takePorts(options));
    const proxies: FaultProxy[] = [];
    for (const { proxied } of all) {
      if (proxied === undefined) continue;
      const target = { host: "127.0.0.1", port: proxied.port };
      proxies.push(await startProxy(target, proxied.advertised));
    }
    const security = shape === "secure" ? await secure(folder, all, options) : undefined;
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");
    const controls = all.map(async (_, index): Promise<Control> => {
      const home = join(folder, String(index));
      const config: BrokerConfig = {
        shape,
        index,
        all,
        folder: home,
        settings: options.settings ?? {},
        ...(security === undefined ? {} : { certificates: folder, users: security.users }),
      };
      const properties = join(home, "server.properties");
      await Bun.write(properties, brokerProperties(config));
      // One argument: an id that begins with a dash would be taken for an option.
      const format = ["format", `--cluster-id=${id}`, "-c", properties, ...scramArgs(security)];
      const { exitCode, output } = await runKafkaTool("kafka.tools.StorageTool", format);
      if (exitCode !== 0) throw new Error(`Kafka's folder could not be formatted:\n${output}`);
      const jvm = [`-Xmx${heap}`, `-Xms${heap}`, ...flags];
      const args = javaCommand(classPath, jvm, "kafka.Kafka", [properties]);
      return new ServiceProcess({ args, folder: home });
    });
    return new Kafka({
      ports: all,
      controls: await Promise.all(controls),
      proxies,
      security,
      folder,
    });
  }

  /** Starts a broker (again); resolves when it serves. */
  async start(broker = 0): Promise<void> {
    const control = this.#at(broker);
    await control.start();
    const port = this.#ports[broker]?.internal ?? 0;
    const probe = async () => (await aliveBrokers(port)) >= this.#running();
    await whenReady(`Kafka's broker ${broker}`, control, probe);
  }

  /** SIGKILL by default: the broker has no time to say goodbye. */
  async kill(signal: NodeJS.Signals = "SIGKILL", broker = 0): Promise<void> {
    await this.#at(broker).kill(signal);
  }

  async pause(broker = 0): Promise<void> {
    await this.#at(broker).pause();
  }

  async resume(broker = 0): Promise<void> {
    await this.#at(broker).resume();
  }

  /** The end of a broker's log. */
  tail(broker = 0): Promise<string> {
    return this.#at(broker).tail();
  }

  /**
   * Runs one of Kafka's command-line tools as the super user, such as
   * `org.apache.kafka.tools.TopicCommand`; `--bootstrap-server` is added.
   */
  tool(mainClass: string, args: readonly string[]): Promise<ToolResult> {
    const servers = this.#ports.map(({ internal }) => `127.0.0.1:${internal}`).join(",");
    return runKafkaTool(mainClass, ["--bootstrap-server", servers, ...args]);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#controls.map((control) => control.stop()));
    await Promise.all(this.proxies.map((proxy) => proxy.close()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #running(): number {
    return this.#controls.filter((control) => control.isRunning).length;
  }

  #at(broker: number): Control {
    const control = this.#controls[broker];
    if (control === undefined) throw new Error(`there is no broker ${broker}`);
    return control;
  }
}

function takePorts({ shape, proxied }: KafkaOptions): BrokerPorts {
  const [client = 0, internal = 0, controller = 0, behind = 0, advertised = 0, mutual = 0] =
    freePorts(6);
  return {
    client,
    internal,
    controller,
    ...(proxied === true ? { proxied: { port: behind, advertised } } : {}),
    ...(shape === "secure" ? { mutual } : {}),
  };
}

async function secure(
  folder: string,
  all: readonly BrokerPorts[],
  { certificateDays }: KafkaOptions,
): Promise<KafkaSecurity> {
  await makeAuthority(folder);
  await issue(folder, "broker", certificateDays);
  await issue(folder, "gateway");
  return {
    caFile: pem(folder, "ca"),
    mechanisms: MECHANISMS,
    users: { admin: crypto.randomUUID(), gateway: crypto.randomUUID() },
    mutualBrokers: all.map(({ mutual }) => `127.0.0.1:${mutual}`),
    client: { certFile: pem(folder, "gateway"), keyFile: pem(folder, "gateway-key") },
  };
}

/** SCRAM passwords are in the cluster's metadata, and the first ones get there by formatting. */
function scramArgs(security: KafkaSecurity | undefined): string[] {
  if (security === undefined) return [];
  return Object.entries(security.users).flatMap(([name, password]) =>
    MECHANISMS.filter((mechanism) => mechanism.startsWith("SCRAM")).flatMap((mechanism) => [
      "--add-scram",
      `${mechanism}=[name=${name},password=${password}]`,
    ]),
  );
}
