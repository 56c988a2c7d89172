import { ComposeService } from "./compose.ts";
import { whenReady } from "./control.ts";
import { brokerProperties } from "./kafka-config.ts";
import { aliveBrokers } from "./kafka-probe.ts";
import { freePorts } from "./ports.ts";

const IMAGE = "apache/kafka:4.1.1";

/** The plain broker in a container, for machines with Docker. */
export async function composeKafka(): Promise<{ readonly brokers: readonly string[] }> {
  const [client = 0, internal = 0, controller = 0] = freePorts(3);
  const all = [{ client, internal, controller }];
  const properties = brokerProperties({ shape: "plain", index: 0, all, folder: "/tmp/kafka" });
  const control = new ComposeService("kafka", {
    image: IMAGE,
    environment: imageEnvironment(properties),
    port: client,
  });
  await control.start();
  const probe = async () => (await aliveBrokers(client)) >= 1;
  await whenReady("Kafka in Docker", control, probe);
  return { brokers: [`127.0.0.1:${client}`] };
}

/** How that image takes properties: `a.b-c_d=…` as `KAFKA_A_B___C__D`. */
export function imageEnvironment(properties: string): Record<string, string> {
  const environment: Record<string, string> = { KAFKA_HEAP_OPTS: "-Xmx512m -Xms512m" };
  for (const line of properties.trimEnd().split("\n")) {
    const [key = "", ...value] = line.split("=");
    const name = key.replaceAll("_", "__").replaceAll("-", "___").replaceAll(".", "_");
    // Inside the container it has to listen on every address, or no port is forwarded to it.
    const text = value.join("=");
    environment[`KAFKA_${name.toUpperCase()}`] =
      key === "listeners" ? text.replaceAll("127.0.0.1", "0.0.0.0") : text;
  }
  return environment;
}
