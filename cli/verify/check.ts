/** What one check found. */
export interface CheckResult {
  /** `kafka`, `redis`, `postgres`. */
  readonly part: string;
  readonly name: string;
  readonly status: "ok" | "warning" | "failed" | "skipped";
  /** What was found, or what is wrong. */
  readonly found: string;
  /** Which settings to look at, and what for; absent unless something is wrong. */
  readonly look?: string;
  readonly ms: number;
}

/** What is wrong, and where to look. Never holds a secret. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly look: string;

  constructor(message: string, look: string) {
    super(message);
    this.look = look;
  }
}

/** Something that works now and should be looked at. */
export class Warning extends Fault {}

export interface Check {
  readonly part: string;
  readonly name: string;
  /** Names of checks of the same part without which this one says nothing. */
  readonly needs: readonly string[];
  /** @returns what was found. @throws Fault */
  readonly run: () => Promise<string>;
}

/** Makes the checks of one part. */
export const checksOf =
  (part: string) =>
  (name: string, needs: readonly string[], run: () => Promise<string>): Check => ({
    part,
    name,
    needs,
    run,
  });

/** A check that hangs in spite of its own limits is given up after this time. */
const CHECK_MS = 60_000;

/**
 * Runs checks in their order. One whose needs failed is skipped, so that the first cause stands out.
 * @param explain turns an unexpected error into a fault
 */
export async function runChecks(
  checks: readonly Check[],
  explain: (part: string, error: unknown) => Fault,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  const missing = new Set<string>();
  for (const { part, name, needs, run } of checks) {
    const lacking = needs.find((need) => missing.has(`${part} ${need}`));
    if (lacking !== undefined) {
      missing.add(`${part} ${name}`);
      const found = `not looked at, because ${lacking} failed`;
      results.push({ part, name, status: "skipped", found, ms: 0 });
      continue;
    }
    const startedAt = performance.now();
    try {
      const found = await within(CHECK_MS, run());
      results.push({ part, name, status: "ok", found, ms: performance.now() - startedAt });
    } catch (error) {
      const fault = error instanceof Fault ? error : explain(part, error);
      const isWarning = fault instanceof Warning;
      if (!isWarning) missing.add(`${part} ${name}`);
      results.push({
        part,
        name,
        status: isWarning ? "warning" : "failed",
        found: fault.message,
        look: fault.look,
        ms: performance.now() - startedAt,
      });
    }
  }
  return results;
}

/** @throws Fault when it takes longer */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Fault(`no outcome within ${ms / 1_000} s (timed out)`, "the network")),
    ms,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
