import type { KafkaErrorKind } from "../../kafka/error.ts";
import type { Telemetry } from "../../ports/telemetry.ts";

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
  return {
    connected() {
      if (connections !== undefined) connections.value++;
    },
    connectFailed(kind) {
      const counter = telemetry?.counter({
        name: "tidegate_kafka_connection_errors_total",
        help: "Connections to brokers that failed, by kind of error",
        labels: { kind },
      });
      if (counter !== undefined) counter.value++;
    },
    producerFailed() {
      if (producers !== undefined) producers.value++;
    },
  };
}
