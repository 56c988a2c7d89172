import type { OutboxStats } from "../../src/ports/outbox.ts";
import type { Counter, Telemetry } from "../../src/ports/telemetry.ts";

/** The outbox pool's numbers. */
export interface OutboxMetrics {
  readonly published: Counter;
  readonly publishErrors: Counter;
  readonly batchFailures: Counter;
  readonly parked: Counter;
  readonly staged: Counter;
}

/** @param circuitsOpen how many partitions' circuits are not closed */
export function outboxMetrics(
  telemetry: Telemetry,
  stats: () => OutboxStats,
  circuitsOpen: () => number,
): OutboxMetrics {
  const counter = (name: string, help: string) =>
    telemetry.counter({ name: `tidegate_outbox_${name}_total`, help });
  const gauge = (name: string, help: string, read: () => number) =>
    telemetry.gauge({ name: `tidegate_outbox_${name}`, help }, read);
  gauge("depth", "Rows that wait for the log", () => stats().rows);
  gauge("characters", "Characters of the rows that wait for the log", () => stats().chars);
  gauge("messages", "Messages of other services that are no rows yet", () => stats().messages);
  gauge("parked", "Rows and messages that an operator has to look at", () => stats().parked);
  gauge("oldest_age_seconds", "Time that the oldest row or message has waited", () => {
    return stats().oldestMs / 1_000;
  });
  gauge("circuits_open", "Partitions of the outbox whose circuit is not closed", circuitsOpen);
  return {
    published: counter("published", "Rows that the log has taken"),
    publishErrors: counter("publish_errors", "Tries to publish that failed"),
    batchFailures: counter("batch_failures", "Batches whose rows had to be published one by one"),
    parked: counter("parked_rows", "Rows and messages that were parked"),
    staged: counter("staged", "Messages of other services that became rows"),
  };
}
