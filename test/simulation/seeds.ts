/**
 * Seeds in which a bug that was once in the program shows when it is put back (`planted-bugs.ts`),
 * with what it was. They are run first, always.
 */
export const SEEDS: readonly (readonly [seed: number, fault: string])[] = [];
