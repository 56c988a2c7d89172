import type { KafkaSettings } from "./kafka/settings.ts";

/** What a Kafka client may be asked for and kafkajs cannot have, with the reason. */
export interface Lack {
  /** The setting that asks for it. */
  readonly setting: "KAFKA_COMPRESSION" | "KAFKA_GROUP_PROTOCOL";
  readonly value: string;
  readonly reason: string;
  /** What to set instead. */
  readonly instead: string;
}

/** Read by the documents, with the settings, and when a log is opened. */
export const KAFKAJS_LACKS: readonly Lack[] = [
  {
    setting: "KAFKA_COMPRESSION",
    value: "snappy",
    reason:
      "kafkajs brings no snappy codec, and Bun has none; batches of others in it are not read",
    instead: "zstd or gzip",
  },
  {
    setting: "KAFKA_COMPRESSION",
    value: "lz4",
    reason: "kafkajs brings no lz4 codec, and Bun has none; batches of others in it are not read",
    instead: "zstd or gzip",
  },
  {
    setting: "KAFKA_GROUP_PROTOCOL",
    value: "consumer",
    reason: "kafkajs knows no ConsumerGroupHeartbeat (KIP-848): its requests end with Kafka 2.4's",
    instead: "classic",
  },
];

/** What of these settings kafkajs cannot have. */
export function kafkajsLacks({
  compression,
  groupProtocol,
}: {
  readonly [K in "compression" | "groupProtocol"]: KafkaSettings[K] | undefined;
}): readonly Lack[] {
  const asked = { KAFKA_COMPRESSION: compression, KAFKA_GROUP_PROTOCOL: groupProtocol };
  return KAFKAJS_LACKS.filter(({ setting, value }) => asked[setting] === value);
}
