import { tenantOfTopic } from "../topics.ts";

/** What the log is to OpenTelemetry: `messaging.system`. */
export type LogSystem = "kafka" | "tidegate";

/** @param durability the log's own: what is flushed to a disk here is no Kafka */
export function logSystem(durability: "disk" | "log"): LogSystem {
  return durability === "log" ? "kafka" : "tidegate";
}

/** A topic's name without its tenant, for names of spans, of which there must be few. */
export function destinationTemplate(topic: string): string {
  const tenant = tenantOfTopic(topic);
  return tenant === undefined ? topic : `${topic.slice(0, -tenant.length)}{tenant}`;
}

/** Where in the log something happened, by the semantic conventions of messaging. */
export function placeAttributes(
  system: LogSystem,
  topic: string,
  partition: number,
): Record<string, string | number> {
  const template = destinationTemplate(topic);
  return {
    "messaging.system": system,
    "messaging.destination.name": topic,
    // What the names of spans have in its place, which backends group by.
    ...(template !== topic && { "messaging.destination.template": template }),
    "messaging.destination.partition.id": String(partition),
  };
}

/** What a commit to the store is: one process keeps both by itself, a cluster has services for both. */
export function storeAttributes(system: LogSystem): Record<string, string> {
  return {
    "db.system.name": system === "kafka" ? "postgresql" : "sqlite",
    "db.operation.name": "commit",
  };
}
