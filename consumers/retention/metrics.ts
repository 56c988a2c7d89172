import type { Clock } from "../../src/ports/clock.ts";
import type { Counter, Telemetry } from "../../src/ports/telemetry.ts";

/** What the retention pool tells of itself. */
export interface RetentionMetrics {
  readonly events: Counter;
  readonly rounds: Counter;
  readonly failures: Counter;
  /** When the oldest events that are kept were stored, milliseconds since 1970. */
  oldestAt: number | undefined;
}

export function retentionMetrics(telemetry: Telemetry, clock: Clock): RetentionMetrics {
  const counter = (name: string, help: string): Counter =>
    telemetry.counter({ name: `tidegate_retention_${name}_total`, help });
  const metrics: RetentionMetrics = {
    events: counter("events", "Events that this process removed because their time was over"),
    rounds: counter("rounds", "Rounds over all partitions that were ended"),
    failures: counter("failures", "Rounds in which a partition failed"),
    oldestAt: undefined,
  };
  telemetry.gauge(
    {
      name: "tidegate_retention_oldest_seconds",
      help: "Age of the oldest events that the last round has kept; 0 when there were none",
    },
    () =>
      metrics.oldestAt === undefined ? 0 : Math.max(0, clock.now() - metrics.oldestAt) / 1_000,
  );
  return metrics;
}
