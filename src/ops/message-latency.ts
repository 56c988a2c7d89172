import type { Clock } from "../ports/clock.ts";
import type { Counter, Histogram, Telemetry } from "../ports/telemetry.ts";
import { stampOf } from "../wire/stamp.ts";

/**
 * How far a message has come: `appended`, the log has it; `sequenced`, it has its seq and goes to the
 * backplane; `stored`, the store has it; `published`, a gateway with readers of it has heard it;
 * `written`, it was handed to a reader's socket.
 */
export type MessageStage = "appended" | "sequenced" | "stored" | "published" | "written";

const BUCKETS = [
  0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30,
];

/**
 * Time from a gateway's taking a message to one stage of its way: no client's clock is in it. One
 * measurement, of the oldest message, stands for all of a batch, so that it costs a batch and not a
 * message, and never looks better than it is. Stages that another machine reaches are as exact as the
 * machines' clocks agree; where they do so badly that time seems to run backwards, that is counted.
 */
export class MessageLatency {
  readonly #clock: Pick<Clock, "now">;
  readonly #seconds: Histogram;
  readonly #behind: Counter;

  constructor(telemetry: Telemetry, clock: Pick<Clock, "now">, stage: MessageStage) {
    this.#clock = clock;
    this.#seconds = telemetry.histogram({
      name: "tidegate_message_latency_seconds",
      help: "Time from a gateway's taking a message to a stage of its way, by stage",
      labels: { stage },
      buckets: BUCKETS,
    });
    this.#behind = telemetry.counter({
      name: "tidegate_message_clock_behind_total",
      help: "Batches that seem to come from the future, since machines' clocks do not agree",
    });
  }

  /**
   * @param oldest value of the record, or event, that was taken first
   * @param messages that it stands for
   */
  observe(oldest: string, messages: number): void {
    const stamp = stampOf(oldest);
    if (stamp !== undefined) this.observeStamp(stamp, messages);
  }

  /** @param stamp ms since 1970 */
  observeStamp(stamp: number, messages: number): void {
    const ms = this.#clock.now() - stamp;
    if (ms < 0) this.#behind.value++;
    this.#seconds.observe(Math.max(0, ms) / 1_000, messages);
  }
}
