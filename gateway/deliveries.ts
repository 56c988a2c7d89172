import { MessageLatency } from "../src/ops/message-latency.ts";
import type { PublishedRun } from "../src/ports/backplane.ts";
import type { Clock } from "../src/ports/clock.ts";
import type { Counter, Telemetry } from "../src/ports/telemetry.ts";
import { stampOfRun } from "../src/wire/stamp.ts";
import type { TenantTallies } from "./tenant-tally.ts";

export interface DeliveriesOptions {
  readonly clock: Pick<Clock, "now" | "defer">;
  readonly telemetry: Telemetry;
  readonly tallies: TenantTallies;
}

/**
 * Counts what publications bring to readers, by tenant, and how old it is when it is heard and when it
 * has been written. What a slow reader is served later, from the store, has no part in it.
 */
export class Deliveries {
  readonly #clock: Pick<Clock, "defer">;
  readonly #tallies: TenantTallies;
  readonly #delivered: Counter;
  readonly #published: MessageLatency;
  readonly #written: MessageLatency;
  /** Stamp and deliveries, in turn, of the publications of this turn. */
  #unwritten: number[] = [];

  /** @param delivered rises with each event that is handed to a socket */
  constructor({ clock, telemetry, tallies }: DeliveriesOptions, delivered: Counter) {
    this.#clock = clock;
    this.#tallies = tallies;
    this.#delivered = delivered;
    this.#published = new MessageLatency(telemetry, clock, "published");
    this.#written = new MessageLatency(telemetry, clock, "written");
  }

  /** Has a publication's runs delivered by `take`. */
  of(runs: readonly PublishedRun[], take: (run: PublishedRun) => void): void {
    const delivered = this.#delivered;
    const before = delivered.value;
    for (const run of runs) {
      const earlier = delivered.value;
      take(run);
      if (delivered.value > earlier)
        this.#tallies.of(run.tenant).delivered += delivered.value - earlier;
    }
    const [oldest] = runs;
    if (oldest !== undefined && delivered.value > before)
      this.#heard(oldest, delivered.value - before);
  }

  #heard(oldest: PublishedRun, deliveries: number): void {
    const stamp = stampOfRun(oldest);
    if (stamp === undefined) return;
    this.#published.observeStamp(stamp, deliveries);
    // Deferred behind the connections' own flush, which was asked for by those that got something.
    if (this.#unwritten.length === 0) this.#clock.defer(() => this.#flushed());
    this.#unwritten.push(stamp, deliveries);
  }

  #flushed(): void {
    const unwritten = this.#unwritten;
    this.#unwritten = [];
    for (let i = 0; i < unwritten.length; i += 2)
      this.#written.observeStamp(unwritten[i] as number, unwritten[i + 1] as number);
  }
}
