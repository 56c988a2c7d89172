import { createMemorySnapshotBoard } from "../../src/adapters/memory/snapshot-board.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { snapshotBoardConformance } from "./snapshot-board.ts";

snapshotBoardConformance("memory", (limits) => {
  const make = () => createMemorySnapshotBoard({ clock: createSystemClock(), limits });
  const board = make();
  return Promise.resolve({
    open: () => Promise.resolve(board),
    foreign: () => Promise.resolve(make()),
    close: () => Promise.resolve(),
  });
});
