import type { Failure } from "./simulation.ts";

/** Everything that is needed to look at a failed run. */
export function failureText({ seed, message, trace }: Failure): string {
  return [
    `seed ${seed}: ${message}`,
    "its last steps:",
    trace,
    `again: SEED=${seed} SIM_TRACE=400 npx -y bun@1.4.5 test ./test/simulation`,
    `(with Bun installed: SEED=${seed} bun test ./test/simulation)`,
  ].join("\n");
}
