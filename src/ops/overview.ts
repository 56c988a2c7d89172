import { asAppError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { Snapshot, SnapshotBoard } from "../ports/snapshot-board.ts";
import { processSnapshotSchema, type Overview } from "../wire/admin.ts";
import { parseObject } from "../wire/json-object.ts";
import type { Reporter } from "./reporter.ts";

export interface OverviewOptions {
  readonly board: SnapshotBoard;
  readonly reporter: Reporter;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Where a trace is shown, with {trace} for its id. */
  readonly traceUrl: string | undefined;
}

/** Snapshots that did not come, until their process counts as missing. */
const MISSED_MAX = 3;

/** How all processes are, as they said themselves; this one as it is now. */
export async function overview(options: OverviewOptions): Promise<Overview> {
  const { board, reporter, clock, limits, traceUrl } = options;
  const { snapshotIntervalMs } = limits;
  let others: readonly Snapshot[] = [];
  let fault: string | undefined;
  try {
    others = (await board.all()).filter(({ name }) => name !== reporter.name);
  } catch (error) {
    fault = asAppError(error).message;
  }
  const shown = others.flatMap(({ name, text, ageMs }) => {
    // Another version of the program may say other things.
    const parsed = processSnapshotSchema.safeParse(parseObject(text));
    if (!parsed.success) return [];
    const missing = ageMs > MISSED_MAX * snapshotIntervalMs;
    return [{ name, age_ms: Math.round(ageMs), missing, snapshot: parsed.data }];
  });
  const own = { age_ms: 0, missing: false, snapshot: await reporter.snapshot() };
  return {
    now: clock.now(),
    process: reporter.name,
    interval_ms: snapshotIntervalMs,
    ...(traceUrl === undefined ? {} : { trace_url: traceUrl }),
    ...(fault === undefined ? {} : { fault }),
    processes: [{ name: reporter.name, ...own }, ...shown].toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    ),
  };
}
