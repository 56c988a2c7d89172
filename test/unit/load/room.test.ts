import { expect, test } from "bun:test";
import { Room } from "../../../load/native/room.ts";

test("a sender's order is that of the places, whoever is seen first", () => {
  const room = new Room(1, 0);
  expect(room.isInOrder(7, 10, 1)).toBe(true);
  // One reader missed the second place, which another one sees later.
  expect(room.isInOrder(7, 12, 3)).toBe(true);
  expect(room.isInOrder(7, 11, 2)).toBe(true);
  expect(room.isInOrder(8, 9, 4)).toBe(true);
  expect(room.isInOrder(7, 13, 5)).toBe(true);
});

test("a message before one that was sent earlier is out of order", () => {
  const room = new Room(1, 0);
  expect(room.isInOrder(7, 11, 1)).toBe(true);
  expect(room.isInOrder(7, 10, 2)).toBe(false);
  expect(room.isInOrder(8, 20, 9)).toBe(true);
  expect(room.isInOrder(8, 21, 8)).toBe(false);
});
