/** Runs seeds in a changed copy of the program and prints what failed, for `planted.ts`. */
import { simulate } from "./simulation.ts";

const seeds = Number(process.argv[2]);
const goesOn = process.argv[3] === "all";
const startedAt = performance.now();
const checks: Record<string, number> = {};
let failed = 0;
let first: number | undefined;
let firstMs = 0;
// A bug may also leave a promise that nobody handles.
process.on("unhandledRejection", () => {});
for (let seed = 1; seed <= seeds && (goesOn || first === undefined); seed++) {
  const failure = simulate(seed, 0);
  if (failure === undefined) continue;
  failed++;
  checks[failure.check] = (checks[failure.check] ?? 0) + 1;
  if (first !== undefined) continue;
  if (failure.check === "exception") process.stderr.write(`${failure.message}\n`);
  first = seed;
  firstMs = performance.now() - startedAt;
}
process.stdout.write(JSON.stringify({ seeds, failed, first, firstMs, checks }));
process.exit(0);
