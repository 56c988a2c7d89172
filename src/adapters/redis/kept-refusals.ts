import type { Limits } from "../../limits.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { Fabric } from "./fabric.ts";

interface Kept {
  readonly tag: number;
  readonly channel: string;
  readonly text: string;
  sending: boolean;
  /** Monotonic ms from which on it is to be said again. */
  dueAt: number;
  /** The fabric's cuts when Redis took it; undefined: it has not. */
  saidAt: number | undefined;
}

export interface KeptRefusalsOptions {
  readonly fabric: Pick<Fabric, "send" | "isLive" | "cuts" | "metrics">;
  readonly clock: Clock;
  readonly limits: Pick<
    Limits,
    "refusalsKeptMax" | "refusalsKeptBytesMax" | "refusalRepeatMs" | "probeIntervalMs"
  >;
  readonly telemetry: Telemetry;
}

/**
 * Refusals, unlike all else on the backplane, are in no store that a gateway could read them from. So
 * each is kept until Redis took it twice, `refusalRepeatMs` apart, with no connection lost between:
 * whoever lost Redis as well, or instead, has come back by then and hears the second one.
 */
export class KeptRefusals {
  readonly #options: KeptRefusalsOptions;
  /** Oldest first. */
  readonly #kept = new Set<Kept>();
  #chars = 0;
  #timer: Timer | undefined;

  constructor(options: KeptRefusalsOptions) {
    this.#options = options;
    options.telemetry.gauge(
      {
        name: "tidegate_backplane_refusals_kept",
        help: "Refusals that Redis has not passed on twice yet",
      },
      () => this.#kept.size,
    );
  }

  /** Says it now, if Redis is there, and again. */
  say(tag: number, channel: string, text: string): void {
    const { clock, limits } = this.#options;
    const dueAt = clock.monotonic();
    const kept: Kept = { tag, channel, text, sending: false, dueAt, saidAt: undefined };
    this.#kept.add(kept);
    this.#chars += text.length;
    // The oldest one's sender is the least likely to be there still.
    for (const oldest of this.#kept) {
      const { refusalsKeptMax, refusalsKeptBytesMax } = limits;
      if (this.#kept.size <= refusalsKeptMax && this.#chars <= refusalsKeptBytesMax) break;
      this.#giveUp(oldest);
    }
    this.#send(kept);
    this.#arm();
  }

  close(): void {
    this.#timer?.cancel();
    for (const kept of this.#kept)
      if (kept.saidAt === undefined) this.#giveUp(kept);
      else this.#forget(kept);
  }

  #send(kept: Kept): void {
    const { fabric } = this.#options;
    if (!fabric.isLive(kept.tag)) {
      kept.saidAt = undefined;
      return;
    }
    kept.sending = true;
    fabric.send(kept.tag, kept.channel, kept.text, (isTaken) => {
      kept.sending = false;
      if (isTaken) this.#taken(kept);
      else kept.saidAt = undefined;
    });
  }

  #taken(kept: Kept): void {
    const { fabric, clock, limits } = this.#options;
    if (kept.saidAt === fabric.cuts) {
      this.#forget(kept);
      return;
    }
    kept.saidAt = fabric.cuts;
    kept.dueAt = clock.monotonic() + limits.refusalRepeatMs;
  }

  #giveUp(kept: Kept): void {
    this.#options.fabric.metrics.refusalsDropped.value++;
    this.#forget(kept);
  }

  #forget(kept: Kept): void {
    if (this.#kept.delete(kept)) this.#chars -= kept.text.length;
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#kept.size === 0) return;
    const { clock, limits } = this.#options;
    this.#timer = clock.after(limits.probeIntervalMs, () => {
      this.#timer = undefined;
      const now = clock.monotonic();
      for (const kept of this.#kept) if (!kept.sending && now >= kept.dueAt) this.#send(kept);
      this.#arm();
    });
  }
}
