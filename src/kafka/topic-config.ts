import type { Limits } from "../limits.ts";
import type { TopicSpec } from "../topics.ts";
import type { KafkaSettings } from "./settings.ts";

/** The larger of the two indexes has 12 bytes for each 4 KiB, `index.interval.bytes`. */
const SEGMENT_PER_INDEX = 256;

/** A topic's settings in Kafka's words (org.apache.kafka.common.config.TopicConfig). */
export function topicConfigs(
  spec: TopicSpec,
  settings: Pick<KafkaSettings, "minInsyncReplicas" | "segmentBytes">,
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
  // A partition's first records make its broker map two index files and the kernel zero them: with the
  // stock 10 MiB each, a thousand tenants that begin at once stall it for seconds.
  if (settings.segmentBytes > 0)
    configs.push(
      ["segment.bytes", String(settings.segmentBytes)],
      ["segment.index.bytes", String(Math.ceil(settings.segmentBytes / SEGMENT_PER_INDEX))],
    );
  if (settings.minInsyncReplicas !== undefined)
    configs.push(["min.insync.replicas", String(settings.minInsyncReplicas)]);
  return configs.map(([name, value]) => ({ name: name as string, value: value as string }));
}
