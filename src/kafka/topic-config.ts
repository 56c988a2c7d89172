import type { Limits } from "../limits.ts";
import type { TopicSpec } from "../topics.ts";
import type { KafkaSettings } from "./settings.ts";

/** A topic's settings in Kafka's words (org.apache.kafka.common.config.TopicConfig). */
export function topicConfigs(
  spec: TopicSpec,
  settings: Pick<KafkaSettings, "minInsyncReplicas">,
  limits: Pick<Limits, "topicMessageBytesMax">,
): { name: string; value: string }[] {
  const configs = [
    ["retention.ms", String(spec.retentionMs)],
    ["retention.bytes", String(spec.retentionBytes ?? -1)],
    ["cleanup.policy", spec.compact === true ? "compact,delete" : "delete"],
    ["max.message.bytes", String(limits.topicMessageBytesMax)],
    // A codec of the broker's own would make it pack every batch again.
    ["compression.type", "producer"],
  ];
  if (settings.minInsyncReplicas !== undefined)
    configs.push(["min.insync.replicas", String(settings.minInsyncReplicas)]);
  return configs.map(([name, value]) => ({ name: name as string, value: value as string }));
}
