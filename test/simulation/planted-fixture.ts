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
const order = Array.from({ length: seeds }, (_, i) => i + 1);
for (const seed of goesOn ? order : [Number(process.argv[4]), ...order]) {
  if (!goesOn && first !== undefined) break;
  const failure = simulate(seed, 0, undefined, process.argv[5] === "outbox");
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
