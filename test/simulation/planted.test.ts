import { describe, expect, test } from "bun:test";
import { FOUND_BUGS, PLANTED_BUGS } from "./planted-bugs.ts";
import { catchBug } from "./planted.ts";

/** Rare ones need more; a run ends with the first failure. */
const SEEDS = 1_000;
const alone = process.env["SEED"] !== undefined;

describe.skipIf(alone)("bugs that are put into the program are noticed", () => {
  for (const bug of [...PLANTED_BUGS, ...FOUND_BUGS])
    test(bug.name, async () => {
      const { first, seeds } = await catchBug(bug, SEEDS, false);
      expect(first, `not noticed in ${seeds} runs`).toBeDefined();
    });
});
