import { AppError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";

export type LogLevel = "info" | "warn" | "error";

export interface LogOptions {
  readonly clock: Pick<Clock, "now">;
  readonly limits: Pick<Limits, "logLineCharsMax" | "logLinesPerSecondMax">;
  readonly level: LogLevel;
  readonly write: (line: string) => void;
  readonly telemetry: Pick<Telemetry, "counter">;
}

const RANK: Readonly<Record<LogLevel, number>> = { info: 0, warn: 1, error: 2 };
const WINDOW_MS = 1_000;
const CAUSES_MAX = 5;

/**
 * Writes lines of JSON: `time`, `level`, `message`, then the fields. Lines beyond the rate are
 * counted instead, and the next window's first line says how many there were: whoever can make the
 * server log must not be able to fill its disk.
 */
export function createLog(options: LogOptions): Telemetry["log"] {
  const { clock, limits, write, telemetry } = options;
  const dropped = telemetry.counter({
    name: "tidegate_log_dropped_lines_total",
    help: "Log lines that were not written because of their rate",
  });
  let windowStart = clock.now();
  let written = 0;
  let suppressed = 0;
  return (level, message, fields = {}) => {
    if (RANK[level] < RANK[options.level]) return;
    const now = clock.now();
    if (Math.abs(now - windowStart) >= WINDOW_MS) {
      windowStart = now;
      written = 0;
    }
    if (++written > limits.logLinesPerSecondMax) {
      suppressed++;
      dropped.value++;
      return;
    }
    const head = { time: new Date(now).toISOString(), level, message };
    const extra = suppressed > 0 ? { suppressed } : {};
    suppressed = 0;
    write(`${encode({ ...fields, ...extra }, head, limits.logLineCharsMax)}\n`);
  };
}

function encode(fields: object, head: object, charsMax: number): string {
  try {
    // First for its place in the line, last so that no field can replace it.
    const line = JSON.stringify({ ...head, ...fields, ...head }, plain);
    if (line.length <= charsMax) return line;
    return JSON.stringify({ ...head, truncated: line.slice(0, charsMax) });
  } catch (error) {
    // A cycle, or a getter that throws: the line itself still matters.
    return JSON.stringify({ ...head, fields: String(error) });
  }
}

/** Errors and big integers have no JSON of their own. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  return value instanceof Error ? plainError(value, CAUSES_MAX) : value;
}

/** The stack only where it tells something: an AppError is an expected refusal. */
function plainError(error: Error, causesLeft: number): object {
  const { name, message, cause } = error;
  const code = "code" in error ? { code: error.code } : {};
  const stack = error instanceof AppError ? {} : { stack: error.stack };
  const because =
    cause instanceof Error && causesLeft > 0 ? { cause: plainError(cause, causesLeft - 1) } : {};
  return { name, message, ...code, ...stack, ...because };
}
