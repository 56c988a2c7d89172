import { asAppError, type AppError } from "../../src/errors.ts";
import type { Health } from "../../src/health.ts";
import { backoffMs } from "../../src/policy/backoff.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Random } from "../../src/ports/random.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";

export interface UntilDoneOptions<T> {
  /** Of the part, in `/readyz` and in the log. */
  readonly name: string;
  readonly work: () => Promise<T>;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly health: Health;
  /** Resolves when the program stops: then there is no further try. */
  readonly stopped: Promise<void>;
}

const RETRY = { firstMs: 500, maxMs: 10_000 };
/** What is said of a part before its first try has ended. */
export const NOT_TRIED_YET = "is not there yet";

/**
 * Tries until it works, as services may start in any order. Until then `/readyz` names the part with
 * its last error.
 * @returns undefined when the program stopped first
 * @throws schema_mismatch: no further try would help
 */
export async function untilDone<T>(options: UntilDoneOptions<T>): Promise<T | undefined> {
  const { name, work, clock, random, telemetry, health, stopped } = options;
  let last: string | undefined = NOT_TRIED_YET;
  let isStopped = false;
  const ended = stopped.then(() => void (isStopped = true));
  health.add(name, () => last);
  for (let attempt = 0; ; attempt++) {
    try {
      const result = await work();
      last = undefined;
      return result;
    } catch (cause) {
      const error = asAppError(cause);
      if (error.code === "schema_mismatch") throw error;
      const message = messageOf(error);
      if (isStopped) return undefined;
      if (message !== last)
        telemetry.log("warn", "a part is not there yet, trying again", {
          part: name,
          error: message,
          look: "bun run verify",
        });
      last = message;
    }
    const wait = backoffMs(attempt, random.next(), RETRY);
    await Promise.race([new Promise<void>((resolve) => void clock.after(wait, resolve)), ended]);
    if (isStopped) return undefined;
  }
}

/** An unexpected error's own words: `internal` alone helps nobody who reads the log. */
function messageOf(error: AppError): string {
  const { cause } = error;
  return error.code === "internal" && cause instanceof Error ? cause.message : error.message;
}
