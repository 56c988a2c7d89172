import type { Clock, Timer } from "../../ports/clock.ts";

export type HeartbeatAnswer = "member" | "gone" | "unclear";

export interface HeartbeatOptions {
  readonly clock: Clock;
  /** Members learn of a rebalance by the answer, so that this is part of every hand-over. */
  readonly intervalMs: number;
  readonly beat: () => Promise<HeartbeatAnswer>;
}

/** While partitions are on their way from one member to another, the next round is near. */
const HASTE_MS = 40;

/** Keeps the session alive, and remembers when that was proven last. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: Timer | undefined;
  #beating: Promise<HeartbeatAnswer> | undefined;
  #provenAt = Number.NEGATIVE_INFINITY;
  #settled = false;
  #running = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** When the request was sent, not when its answer came: the coordinator counts from in between. */
  get provenAt(): number {
    return this.#provenAt;
  }

  /**
   * Begins, or goes on, after a proof that was asked for at this time.
   * @param settled false while another round follows soon
   */
  start(provenAt: number, settled: boolean): void {
    this.#provenAt = Math.max(this.#provenAt, provenAt);
    this.#settled = settled;
    this.#running = true;
    this.#schedule();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
  }

  /** Asks once more, after an answer that is under way. */
  async check(): Promise<HeartbeatAnswer> {
    await this.#beating;
    return this.#beat();
  }

  #schedule(): void {
    this.#timer?.cancel();
    if (!this.#running) return;
    const { clock, intervalMs } = this.#options;
    this.#timer = clock.after(this.#settled ? intervalMs : HASTE_MS, () => {
      void this.#beat().then(() => this.#schedule());
    });
  }

  #beat(): Promise<HeartbeatAnswer> {
    this.#beating ??= this.#ask().finally(() => (this.#beating = undefined));
    return this.#beating;
  }

  async #ask(): Promise<HeartbeatAnswer> {
    const sentAt = this.#options.clock.monotonic();
    const answer = await this.#options.beat();
    if (answer === "member") this.#provenAt = Math.max(this.#provenAt, sentAt);
    return answer;
  }
}
