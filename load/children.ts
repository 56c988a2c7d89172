import type { Subprocess } from "bun";

const children = new Set<Subprocess>();
let hearsSignals = false;

/** A program that is interrupted takes this process with it. */
export function endWithThisProgram(child: Subprocess): void {
  children.add(child);
  // Its end is awaited by whoever started it; here it is only forgotten.
  void child.exited.then(() => children.delete(child));
  if (hearsSignals) return;
  hearsSignals = true;
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    process.once(signal, () => {
      for (const one of children) one.kill("SIGKILL");
      process.exit(code);
    });
  }
}
