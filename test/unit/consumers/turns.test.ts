import { expect, test } from "bun:test";
import { Turns } from "../../../consumers/auditor/turns.ts";

test("no more than its bound go on at once, the oldest first, also when one fails", async () => {
  const turns = new Turns(2);
  const ends: (() => void)[] = [];
  const begun: number[] = [];
  const all = [0, 1, 2, 3].map((i) =>
    turns.run(async () => {
      begun.push(i);
      await new Promise<void>((resolve) => (ends[i] = resolve));
      if (i === 0) throw new Error("failed");
      return i;
    }),
  );
  const outcomes = Promise.allSettled(all);
  expect(begun).toEqual([0, 1]);
  ends[0]?.();
  await all[0]?.catch(() => undefined);
  await Bun.sleep(0);
  expect(begun).toEqual([0, 1, 2]);
  ends[1]?.();
  await all[1];
  await Bun.sleep(0);
  expect(begun).toEqual([0, 1, 2, 3]);
  ends[2]?.();
  ends[3]?.();
  expect((await outcomes).map(({ status }) => status)).toEqual([
    "rejected",
    "fulfilled",
    "fulfilled",
    "fulfilled",
  ]);
  // All places are free again.
  expect(await turns.run(() => Promise.resolve("next"))).toBe("next");
});
