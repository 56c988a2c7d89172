import { describe, expect, test } from "bun:test";
import { FOUND_BUGS, PLANTED_BUGS } from "./planted-bugs.ts";
import { OUTBOX_BUGS } from "./planted-outbox-bugs.ts";
import { catchBug } from "./planted.ts";
import { SEEDS } from "./seeds.ts";

/** A run ends with the first failure, so that only a bug that is not noticed takes as many. */
const RUNS = 2_000;
const alone = process.env["SEED"] !== undefined;

describe.skipIf(alone)("bugs that are put into the program are noticed", () => {
  for (const bug of [...PLANTED_BUGS, ...OUTBOX_BUGS, ...FOUND_BUGS])
    test(bug.name, async () => {
      const seed = SEEDS.find(([, name]) => name === bug.name)?.[0];
      const { first } = await catchBug(bug, RUNS, false, seed);
      expect(first, `not noticed in ${RUNS} runs, nor in that of seed ${seed}`).toBeDefined();
    });

  test("every kept seed has its bug, and every bug that was found has its seed", () => {
    const kept = SEEDS.map(([, name]) => name);
    const planted = [...PLANTED_BUGS, ...OUTBOX_BUGS].map(({ name }) => name);
    expect(kept.filter((name) => !planted.includes(name))).toEqual(
      FOUND_BUGS.map(({ name }) => name),
    );
  });
});
