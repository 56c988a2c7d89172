import type { Folded } from "../../src/chat/sequencer.ts";
import { MessageLatency } from "../../src/ops/message-latency.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Counter, Telemetry } from "../../src/ports/telemetry.ts";
import { stampOf } from "../../src/wire/stamp.ts";

/** The delivery pool's counters. */
export interface DeliveryMetrics {
  readonly placed: { value: number };
  readonly duplicates: { value: number };
  readonly refused: { value: number };
  readonly storeRetries: { value: number };
  readonly storeRests: { value: number };
  readonly halted: { value: number };
  readonly deadLetters: Counter;
  readonly sequenced: MessageLatency;
  readonly stored: MessageLatency;
}

export function deliveryMetrics(telemetry: Telemetry, clock: Pick<Clock, "now">): DeliveryMetrics {
  const counter = (name: string, help: string) => telemetry.counter({ name, help });
  return {
    placed: counter("tidegate_delivery_placed_total", "Records that got a seq"),
    duplicates: counter("tidegate_delivery_duplicates_total", "Records that were placed before"),
    refused: counter("tidegate_delivery_refused_total", "Records that were refused"),
    storeRetries: counter(
      "tidegate_delivery_store_retries_total",
      "Store commits that had to be repeated",
    ),
    storeRests: counter(
      "tidegate_delivery_store_rests_total",
      "Times that storing waited for up to a second, since live delivery was behind",
    ),
    halted: counter(
      "tidegate_delivery_halted_total",
      "Partitions stopped by a fault that needs an operator",
    ),
    deadLetters: telemetry.counter({
      name: "tidegate_dead_letters_total",
      help: "Records that a pool has put into its dead-letter topic",
      labels: { pool: "delivery" },
    }),
    sequenced: new MessageLatency(telemetry, clock, "sequenced"),
    stored: new MessageLatency(telemetry, clock, "stored"),
  };
}

/** @returns when a gateway took the first message of those that were placed, ms since 1970, if it says so */
export function countFolded(metrics: DeliveryMetrics, folded: Folded): number | undefined {
  const { placed, duplicates, refused } = folded;
  metrics.placed.value += placed.length;
  metrics.duplicates.value += duplicates;
  metrics.refused.value += refused.length;
  const [oldest] = placed;
  const stamp = oldest && stampOf(oldest.event);
  if (stamp !== undefined) metrics.sequenced.observeStamp(stamp, placed.length);
  return stamp;
}
