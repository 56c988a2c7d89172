import type { KafkaErrorKind } from "../../kafka/error.ts";
import type { Counter, Telemetry } from "../../ports/telemetry.ts";

/** From the start: of a series that is not there yet the first rise is not seen. */
const KINDS: readonly KafkaErrorKind[] = [
  "dns",
  "network",
  "tls",
  "authentication",
  "authorization",
  "topic",
  "quota",
  "broker",
];

/** Counts of connections; nothing without a telemetry. */
export function createClientMetrics(telemetry: Telemetry | undefined): {
  connected(): void;
  connectFailed(kind: KafkaErrorKind): void;
  producerFailed(): void;
} {
  const connections = telemetry?.counter({
    name: "tidegate_kafka_connections_total",
    help: "Connections to brokers that were made",
  });
  const producers = telemetry?.counter({
    name: "tidegate_kafka_producer_init_failures_total",
    help: "Producer ids that could not be had",
  });
  const failures = new Map(
    KINDS.map((kind): [KafkaErrorKind, Counter | undefined] => [
      kind,
      telemetry?.counter({
        name: "tidegate_kafka_connection_errors_total",
        help: "Connections to brokers that failed, by kind of error",
        labels: { kind },
      }),
    ]),
  );
  return {
    connected() {
      if (connections !== undefined) connections.value++;
    },
    connectFailed(kind) {
      const counter = failures.get(kind);
      if (counter !== undefined) counter.value++;
    },
    producerFailed() {
      if (producers !== undefined) producers.value++;
    },
  };
}
