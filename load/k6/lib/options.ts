import type { Options } from "k6/options";
import type { Plan } from "./plan.ts";
import { thresholdsOf } from "./thresholds.ts";

/** Beyond the length of the plan: to connect before it and to wait for the last messages after it. */
const MARGIN_SECONDS = 240;

/** Each virtual user runs once, for the whole time: its sockets live as long as it does. */
export function optionsOf(plan: Plan): Options {
  const seconds = Math.ceil(plan.warmUp + plan.seconds + MARGIN_SECONDS);
  const thresholds = Object.entries(thresholdsOf(plan.kind));
  return {
    scenarios: {
      [plan.name]: {
        executor: "per-vu-iterations",
        exec: "run",
        vus: plan.vus,
        iterations: 1,
        maxDuration: `${seconds}s`,
        gracefulStop: "5s",
      },
    },
    thresholds: Object.fromEntries(thresholds.map(([name, rules]) => [name, [...rules]])),
    summaryTrendStats: ["avg", "min", "med", "p(50)", "p(95)", "p(99)", "p(99.9)", "max", "count"],
    // Each tag is paid for with every frame.
    systemTags: ["scenario"],
  };
}
