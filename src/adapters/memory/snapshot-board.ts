import { AppError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { SnapshotBoard } from "../../ports/snapshot-board.ts";

export interface MemorySnapshotBoardOptions {
  readonly clock: Pick<Clock, "monotonic">;
  readonly limits: Pick<Limits, "snapshotTtlMs" | "snapshotsMax" | "snapshotCharsMax">;
}

/** The board of a process that is alone, or of several in one test. */
export function createMemorySnapshotBoard(options: MemorySnapshotBoardOptions): SnapshotBoard {
  const { clock, limits } = options;
  /** In the order of their last puts. */
  const kept = new Map<string, { readonly text: string; readonly at: number }>();

  const forget = (): void => {
    const now = clock.monotonic();
    for (const [name, { at }] of kept)
      if (now - at >= limits.snapshotTtlMs || kept.size > limits.snapshotsMax) kept.delete(name);
  };

  return {
    put(name, text) {
      if (text.length > limits.snapshotCharsMax) return Promise.reject(tooLong(limits));
      kept.delete(name);
      kept.set(name, { text, at: clock.monotonic() });
      forget();
      return Promise.resolve();
    },
    all() {
      forget();
      const now = clock.monotonic();
      return Promise.resolve(
        [...kept].map(([name, { text, at }]) => ({ name, text, ageMs: now - at })),
      );
    },
    remove(name) {
      kept.delete(name);
      return Promise.resolve();
    },
  };
}

const tooLong = ({ snapshotCharsMax }: MemorySnapshotBoardOptions["limits"]): AppError =>
  new AppError("overloaded", "the snapshot is too long", { limit: snapshotCharsMax });
