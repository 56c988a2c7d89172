import type { Machine } from "../../machine.ts";
import type { Plan } from "../lib/plan.ts";
import type { Measured, Point } from "./timeline.ts";
import type { Verdict } from "./verdict.ts";

/** All that one run leaves behind: its JSON, and what its page is made of. */
export interface RunResult {
  readonly plan: Plan;
  readonly short: boolean;
  /** Such as `standalone` or an address. */
  readonly target: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly commit: string;
  readonly k6: string;
  readonly machine: Machine;
  readonly measured: Measured;
  readonly verdict: Verdict;
  readonly points: readonly Point[];
}
