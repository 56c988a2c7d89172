import type { ErrorCode } from "../src/errors.ts";
import { MessageLatency } from "../src/ops/message-latency.ts";
import type { Clock } from "../src/ports/clock.ts";
import type { Counter, Telemetry } from "../src/ports/telemetry.ts";
import { stampOfRecord } from "../src/wire/message-record.ts";
import type { LogRecord } from "../src/wire/record.ts";

/** Told from the start, so that the first failure is a rise and not a new series. */
const LIKELY: readonly ErrorCode[] = [
  "log_unavailable",
  "unknown_outcome",
  "overloaded",
  "disk_full",
  "internal",
];

/** What becomes of the sends that were taken; told by batches. */
export class SendMetrics {
  readonly #telemetry: Telemetry;
  readonly #latency: MessageLatency;
  readonly #failures = new Map<ErrorCode, Counter>();

  constructor(telemetry: Telemetry, clock: Pick<Clock, "now">) {
    this.#telemetry = telemetry;
    this.#latency = new MessageLatency(telemetry, clock, "appended");
    for (const code of LIKELY) this.#of(code);
  }

  /** @param oldest the record that was taken first */
  appended(oldest: LogRecord, messages: number): void {
    const stamp = stampOfRecord(oldest);
    if (stamp !== undefined) this.#latency.observeStamp(stamp, messages);
  }

  failed(code: ErrorCode, messages: number): void {
    this.#of(code).value += messages;
  }

  #of(code: ErrorCode): Counter {
    let counter = this.#failures.get(code);
    if (counter === undefined) {
      counter = this.#telemetry.counter({
        name: "tidegate_sends_failed_total",
        help: "Messages that were refused, or whose fate is not known, for no fault of their sender",
        labels: { code },
      });
      this.#failures.set(code, counter);
    }
    return counter;
  }
}
