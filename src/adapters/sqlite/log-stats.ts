import type { Counter, Histogram, Telemetry } from "../../ports/telemetry.ts";
import type { LogSize } from "./log-messages.ts";

const BUCKETS_S = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1];
/** Flushes that the percentiles are taken from. */
const WINDOW = 65_536;

/** Numbers of a standalone log since it was opened; times in ms. */
export interface LogStats {
  readonly flushes: number;
  readonly flushFailures: number;
  readonly records: number;
  readonly checkpoints: number;
  readonly segments: number;
  readonly bytes: number;
  readonly flushMsP50: number;
  readonly flushMsP99: number;
  readonly flushMsP999: number;
  readonly flushMsMax: number;
}

/** Counts for `stats()` and, when there is a telemetry, for scrapes. */
export class LogCounters {
  size: LogSize = { segments: 0, bytes: 0 };
  private checkpoints = 0;
  private flushes = 0;
  private failures = 0;
  private records = 0;
  private readonly recent = new Float32Array(WINDOW);
  private readonly flushTotal: Counter | undefined;
  private readonly failureTotal: Counter | undefined;
  private readonly recordTotal: Counter | undefined;
  private readonly checkpointTotal: Counter | undefined;
  private readonly flushSeconds: Histogram | undefined;
  private readonly heldSeconds: Counter | undefined;

  constructor(telemetry: Telemetry | undefined, pendingChars: () => number) {
    this.flushTotal = telemetry?.counter({
      name: "tidegate_log_flushes_total",
      help: "Flushes of the standalone log to disk",
    });
    this.failureTotal = telemetry?.counter({
      name: "tidegate_log_flush_failures_total",
      help: "Commits of the standalone log that failed",
    });
    this.recordTotal = telemetry?.counter({
      name: "tidegate_log_appended_records_total",
      help: "Records appended to the standalone log and flushed",
    });
    this.flushSeconds = telemetry?.histogram({
      name: "tidegate_log_flush_seconds",
      help: "Time of one commit of the standalone log with its flush",
      buckets: BUCKETS_S,
    });
    this.checkpointTotal = telemetry?.counter({
      name: "tidegate_log_checkpoints_total",
      help: "Segments of the standalone log that were sealed",
    });
    this.heldSeconds = telemetry?.counter({
      name: "tidegate_log_held_seconds_total",
      help: "Time in which the standalone log took nothing, since the delivery was behind",
    });
    telemetry?.gauge(
      { name: "tidegate_log_segments", help: "Files of the standalone log" },
      () => this.size.segments,
    );
    telemetry?.gauge(
      { name: "tidegate_log_size_bytes", help: "Disk space of the standalone log's segments" },
      () => this.size.bytes,
    );
    telemetry?.gauge(
      { name: "tidegate_log_pending_characters", help: "Characters that wait for a flush" },
      pendingChars,
    );
  }

  flushed(ms: number, records: number): void {
    this.recent[this.flushes % WINDOW] = ms;
    this.flushes++;
    this.records += records;
    if (this.flushTotal !== undefined) this.flushTotal.value++;
    if (this.recordTotal !== undefined) this.recordTotal.value += records;
    this.flushSeconds?.observe(ms / 1_000);
  }

  sealed(size: LogSize): void {
    this.size = size;
    this.checkpoints++;
    if (this.checkpointTotal !== undefined) this.checkpointTotal.value++;
  }

  held(ms: number): void {
    if (this.heldSeconds !== undefined) this.heldSeconds.value += ms / 1_000;
  }

  failed(): void {
    this.failures++;
    if (this.failureTotal !== undefined) this.failureTotal.value++;
  }

  read(): LogStats {
    const sorted = this.recent.slice(0, Math.min(this.flushes, WINDOW)).sort();
    const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
    return {
      flushes: this.flushes,
      flushFailures: this.failures,
      records: this.records,
      checkpoints: this.checkpoints,
      ...this.size,
      flushMsP50: at(0.5),
      flushMsP99: at(0.99),
      flushMsP999: at(0.999),
      flushMsMax: at(1),
    };
  }
}
