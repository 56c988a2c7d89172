/**
 * Runs the benchmarks one after another, each in a process of its own, all of them or those named.
 *
 *     bun load/bench.ts [--quick] [closed batched open idle resume slow-reader million torture]
 */
import { join } from "node:path";
import { Arguments } from "./arguments.ts";

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  closed: ["bench-closed.ts"],
  batched: ["bench-closed.ts", "--per-frame=10", "--window=2"],
  open: ["bench-open.ts"],
  idle: ["bench-idle.ts"],
  resume: ["bench-resume.ts"],
  "slow-reader": ["bench-slow-reader.ts"],
  million: ["bench-million.ts"],
  torture: ["torture.ts"],
};

const args = new Arguments();
const names = args.names.length > 0 ? args.names : Object.keys(PROGRAMS);
const passed = process.argv.slice(2).filter((arg) => arg.startsWith("--"));
const failed: string[] = [];
for (const name of names) {
  const program = PROGRAMS[name];
  if (!program)
    throw new Error(`there is no ${name}; there are ${Object.keys(PROGRAMS).join(" ")}`);
  const [file = "", ...options] = program;
  process.stdout.write(`${name}\n`);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, file), ...options, ...passed], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  if ((await child.exited) !== 0) failed.push(name);
}
if (failed.length > 0) {
  process.stdout.write(`failed: ${failed.join(" ")}\n`);
  process.exitCode = 1;
}
