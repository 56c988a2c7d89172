import type { Kind } from "./scenarios.ts";

export type Thresholds = Readonly<Record<string, readonly string[]>>;

/** Latency in ms, from when a message was due to its arrival at each reader. */
const LATENCY = ["p(50)<50", "p(95)<100", "p(99)<200", "p(99.9)<500"] as const;
/** Under storms it is the coming back that counts, and how long it takes. */
const STORM = ["p(50)<1000", "p(95)<2000", "p(99)<5000"] as const;
const ERRORS = ["rate<0.001"] as const;
const NONE = ["count==0"] as const;

/** No message may be lost, doubled, moved or altered, whatever else a scenario is about. */
const EXACT: Thresholds = {
  tidegate_lost: NONE,
  tidegate_duplicate: NONE,
  tidegate_reordered: NONE,
  tidegate_altered: NONE,
};

export function thresholdsOf(kind: Kind): Thresholds {
  const always = { ...EXACT, tidegate_errors: ERRORS };
  if (kind === "connect-storm") return { ...always, tidegate_connect: STORM };
  if (kind === "resume-storm") return { ...always, tidegate_resume: STORM };
  return { ...always, tidegate_latency: LATENCY };
}
