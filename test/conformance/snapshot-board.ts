import { describe, expect, test } from "bun:test";
import { limitsWith, type Limits } from "../../src/limits.ts";
import type { SnapshotBoard } from "../../src/ports/snapshot-board.ts";
import { until } from "../support/gateway/until.ts";
import { rejection } from "../support/rejection.ts";

/** Ends of one board, as many as are asked for. */
export interface BoardWorld {
  readonly open: () => Promise<SnapshotBoard>;
  /** An end of another installation's board on the same server. */
  readonly foreign: () => Promise<SnapshotBoard>;
  readonly close: () => Promise<void>;
}

/** Every sentence of the port `snapshot-board`. */
export function snapshotBoardConformance(
  name: string,
  create: (limits: Limits) => Promise<BoardWorld>,
): void {
  const read = async (board: SnapshotBoard) =>
    (await board.all())
      .map(({ name: of, text }) => [of, text])
      .toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1));

  describe(`snapshot board: ${name}`, () => {
    test("shows what every process said last, with its age, to all of them", async () => {
      const world = await create(limitsWith());
      const [one, other] = [await world.open(), await world.open()];
      expect(await one.all()).toEqual([]);
      await one.put("gateway/a", '{"n":1}');
      await other.put("consumers/b:c %ü", '{"n":2}');
      await one.put("gateway/a", '{"n":3}');
      const wanted = [
        ["consumers/b:c %ü", '{"n":2}'],
        ["gateway/a", '{"n":3}'],
      ];
      expect(await read(one)).toEqual(wanted);
      expect(await read(other)).toEqual(wanted);
      for (const { ageMs } of await one.all()) {
        expect(ageMs).toBeGreaterThanOrEqual(0);
        expect(ageMs).toBeLessThan(10_000);
      }
      await until("it is older", async () => ((await one.all())[0]?.ageMs ?? 0) > 5);
      await world.close();
    });

    test("forgets who left at once, and who vanished in time", async () => {
      const world = await create(limitsWith({ snapshotTtlMs: 400 }));
      const board = await world.open();
      await board.put("leaves", "{}");
      await board.put("vanishes", "{}");
      await board.remove("leaves");
      await board.remove("nobody");
      expect(await read(board)).toEqual([["vanishes", "{}"]]);
      await until("it is forgotten", async () => (await board.all()).length === 0);
      await world.close();
    });

    test("keeps those that were put last, and none that is too long", async () => {
      const world = await create(limitsWith({ snapshotsMax: 2, snapshotCharsMax: 10 }));
      const board = await world.open();
      expect(await rejection(board.put("long", "x".repeat(11)))).toMatchObject({
        code: "overloaded",
      });
      for (const one of ["a", "b", "c"]) {
        await board.put(one, "{}");
        // Redis tells times to the millisecond, and orders by name within one.
        const age = async () =>
          (await board.all()).find((snapshot) => snapshot.name === one)?.ageMs;
        await until("a moment has passed", async () => ((await age()) ?? 0) >= 2);
      }
      expect(await read(board)).toEqual([
        ["b", "{}"],
        ["c", "{}"],
      ]);
      await world.close();
    });

    test("shows nothing of another installation", async () => {
      const world = await create(limitsWith());
      const [board, foreign] = [await world.open(), await world.foreign()];
      await foreign.put("gateway/a", "{}");
      expect(await board.all()).toEqual([]);
      await world.close();
    });
  });
}
