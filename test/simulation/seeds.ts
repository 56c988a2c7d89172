/** Seeds whose runs once broke a guarantee, and what was wrong. They are run first, always. */
export const SEEDS: readonly (readonly [seed: number, fault: string])[] = [
  [2, "a jump left an offset to compare with that was not the last event's"],
  [4, "ids and heads that a fold needed were forgotten by the same fold"],
  [9, "a subscription that the store refused stayed joined with the backplane"],
  [18, "a check of the head that met a store error was the last one"],
  [25, "characters of held events that a jump dropped were counted for ever"],
  [29, "a cursor was called ahead while the store was behind"],
  [70, "a partition that was paused when it had to start over was never resumed"],
  [123, "a member that died while it left the group kept its partitions"],
  [308, "a replaced worker placed records by heads that its successor had stored"],
  [405, "relays took publications of a replaced worker"],
  [608, "a pool that could not take a partition did not leave the group"],
  [680, "the store found an id where it was placed first, memory where it was placed last"],
];
