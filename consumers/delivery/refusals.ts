import type { Refused } from "../../src/chat/sequencer.ts";
import type { Limits } from "../../src/limits.ts";
import type { Backplane } from "../../src/ports/backplane.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Counter, Telemetry } from "../../src/ports/telemetry.ts";
import type { DeadLetters } from "../dead-letter.ts";

export interface RefusalsOptions {
  readonly topic: string;
  readonly partition: number;
  readonly deadLetters: DeadLetters;
  /** Counts them. */
  readonly kept: Counter;
  readonly backplane: Backplane;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
  readonly backoff: (attempt: number) => number;
  /** Whether the partition is still this worker's. */
  readonly active: () => boolean;
}

/** Says a refusal aloud: to the dead-letter topic for good, and to the sender's sockets. */
export class Refusals {
  readonly #options: RefusalsOptions;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the records are in the dead-letter topic, and never when the worker lets go of
   * the partition before that: their offset is not stored, so the next worker refuses them again.
   */
  async keep(refused: readonly Refused[]): Promise<void> {
    const { topic, partition, deadLetters, kept, telemetry, clock, backoff } = this.#options;
    const letters = refused.map((one) => ({
      reason: one.code,
      origin: `${topic}/${partition}/${one.offset}`,
      attempts: 1,
      tenant: one.tenant,
      record: one.record,
    }));
    for (let attempt = 1; ; attempt++) {
      try {
        await deadLetters.keep(letters);
        kept.value += letters.length;
        break;
      } catch (error) {
        telemetry.log("warn", "dead letters could not be kept, trying again", {
          topic,
          partition,
          error,
        });
        await new Promise<void>((resolve) => clock.after(backoff(attempt), resolve));
        if (!this.#options.active()) await new Promise(() => {});
      }
    }
    for (const one of refused) this.#tell(one);
  }

  #tell(one: Refused): void {
    if (one.header === undefined) return;
    const sender = senderOf(one.record.value);
    if (sender === undefined) return;
    const { topic, partition, backplane } = this.#options;
    backplane.refuse({
      tenant: one.tenant,
      user: sender.user,
      conversation: one.conversation,
      key: sender.key,
      message: one.header.id,
      code: one.code,
      origin: `${topic}/${partition}/${one.offset}`,
    });
  }
}

/** A refused record may be foreign, so its value may be anything. */
function senderOf(value: string): { user: string; key: string } | undefined {
  try {
    const { payload } = JSON.parse(value) as { payload?: { sender?: unknown; key?: unknown } };
    if (typeof payload?.sender !== "string" || typeof payload.key !== "string") return undefined;
    return { user: payload.sender, key: payload.key };
  } catch {
    return undefined;
  }
}
