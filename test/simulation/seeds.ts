/**
 * Seeds in which a bug shows that was once in the program, or is one of those that show in one run of
 * thousands, with its name in `planted-bugs.ts` or `planted-outbox-bugs.ts`. Their runs are made first,
 * always. When the simulation itself changes, its runs change too: `planted.test.ts` then says which of them
 * has to be found anew.
 */
export const SEEDS: readonly (readonly [seed: number, bug: string])[] = [
  [1, "a fold forgets the ids that it needs"],
  [3, "a fold forgets the heads that it needs"],
  [2, "an offset is compared with that of an older event"],
  [2, "dropped held events stay counted"],
  [65, "a check of the head is not repeated after an error"],
  [2289, "a check of the head is not repeated when the store was behind"],
  [29, "a conversation is forgotten while a subscription opens"],
  [1, "a failed join stays joined"],
  [22, "a cursor is called ahead while the store is behind"],
  [60, "a pause outlives the worker that paused"],
  [703, "a replaced worker publishes by its successor's heads, and relays take it"],
  [4, "a member that leaves cannot be expired"],
  [219, "a store finds an id where it was placed first"],
  [1081, "the first beat hides what came after the last look into the store"],
  [2987, "a connect does not ask what other gateways have in the outbox"],
];
