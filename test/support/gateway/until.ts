const POLL_MS = 5;

/** Resolves when the condition holds; rejects, naming it, when that takes too long. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await Bun.sleep(POLL_MS);
  }
}
