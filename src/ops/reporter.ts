import type { Health } from "../health.ts";
import type { Limits } from "../limits.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { SnapshotBoard } from "../ports/snapshot-board.ts";
import type { Counter, Telemetry } from "../ports/telemetry.ts";
import type { ProcessSnapshot, TenantUse } from "../wire/admin.ts";
import { isShown } from "./shown.ts";
import { busiest, metricPart, type MetricSamples } from "./snapshot.ts";

export interface ReporterOptions {
  readonly board: SnapshotBoard;
  /** Of this process; no other has it. */
  readonly name: string;
  readonly kind: ProcessSnapshot["kind"];
  readonly pools: readonly string[];
  /** The series of the metrics whose names it takes. */
  readonly read: (wanted: (name: string) => boolean) => Promise<readonly MetricSamples[]>;
  readonly health: Pick<Health, "ready">;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
}

const LEAVE_MS = 500;

/** Puts a snapshot of this process on the board, again and again until it is closed. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #started: number;
  readonly #failures: Counter;
  readonly #timer: Timer;
  #tenants: () => readonly TenantUse[] = () => [];
  #putting: Promise<void> | undefined;
  #closed = false;

  constructor(options: ReporterOptions) {
    const { clock, limits, telemetry } = options;
    this.#options = options;
    this.#started = clock.now();
    this.#failures = telemetry.counter({
      name: "tidegate_ops_snapshot_failures_total",
      help: "Snapshots of this process that did not reach the board",
    });
    this.#timer = clock.every(limits.snapshotIntervalMs, () => this.report());
    this.report();
  }

  get name(): string {
    return this.#options.name;
  }

  /** Where the use by tenant comes from, once there is a gateway. */
  tenantsFrom(read: () => readonly TenantUse[]): void {
    this.#tenants = read;
  }

  /** What this process has to say now. */
  async snapshot(): Promise<ProcessSnapshot> {
    const { kind, pools, read, health, clock, limits } = this.#options;
    return {
      kind,
      pools: [...pools],
      started: this.#started,
      at: clock.monotonic(),
      health: health.ready(),
      ...metricPart(await read(isShown), limits.snapshotLagMax),
      tenants: busiest(this.#tenants(), limits.snapshotTenantsMax),
    };
  }

  /** Puts one, unless the one before is still on its way. */
  report(): void {
    if (this.#closed) return;
    this.#putting ??= this.#put()
      // The board may be away for long, and says so elsewhere: it is counted, not told.
      .catch(() => void this.#failures.value++)
      .finally(() => (this.#putting = undefined));
  }

  /** Leaves the board. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer.cancel();
    const { clock } = this.#options;
    // A board that does not answer must not hold up the end: it forgets by itself.
    await new Promise<void>((resolve) => {
      const timer = clock.after(LEAVE_MS, resolve);
      void this.#leave().then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  async #leave(): Promise<void> {
    await this.#putting;
    const { board, name } = this.#options;
    await board.remove(name).catch(() => void this.#failures.value++);
  }

  async #put(): Promise<void> {
    const { board, name } = this.#options;
    await board.put(name, JSON.stringify(await this.snapshot()));
  }
}
