/** What a step of the complete check adds to the closing line. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** Test cases that did not run (`skip`, `todo`). */
  readonly skipped: number;
}

interface Ended {
  readonly exitCode: number;
  readonly output: string;
}

/** A check is one case: green when its process ended with 0. */
export function checkOutcome({ exitCode }: Ended): Outcome {
  return exitCode === 0
    ? { passed: 1, failed: 0, skipped: 0 }
    : { passed: 0, failed: 1, skipped: 0 };
}

/**
 * The counts at the end of `bun test`'s output. They are read from there and not from its JUnit
 * file, since that leaves out a file that could not be loaded. A run that ended badly without a
 * failed case (a crash, a deadline) counts as one failure.
 *
 * @param strict whether a skipped case counts as failed, which it does in CI
 */
export function suiteOutcome({ exitCode, output }: Ended, strict: boolean): Outcome {
  const count = (word: string): number => {
    const found = [...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))].at(-1);
    return Number(found?.[1] ?? 0);
  };
  const skipped = count("skip") + count("todo");
  const passed = count("pass");
  let failed = count("fail");
  if (strict) failed += skipped;
  const ranNothing = passed + failed + skipped === 0;
  if (failed === 0 && (exitCode !== 0 || ranNothing)) failed = 1;
  return { passed, failed, skipped };
}

/** The last line of a run, which other programs read. */
export function closingLine(outcomes: readonly Outcome[]): string {
  let passed = 0;
  let failed = 0;
  for (const outcome of outcomes) {
    passed += outcome.passed;
    failed += outcome.failed;
  }
  return `${passed} passed, ${failed} failed`;
}
