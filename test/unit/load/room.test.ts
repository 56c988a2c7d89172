import { expect, test } from "bun:test";
import { Reading, Room } from "../../../load/native/room.ts";

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

test("gives up the places that every reader is past, and no others", () => {
  const room = new Room(1, 0, true);
  const [ahead, behind] = [new Reading(room, 0, true), new Reading(room, 0, true)];
  const take = (reading: Reading, seq: number): string => {
    reading.take(seq);
    return room.place(seq, 100 + seq);
  };
  for (let seq = 1; seq <= 1_000; seq++) expect(take(ahead, seq)).toBe("first");
  expect(room.capacity).toBe(1_024);
  for (let seq = 1; seq <= 990; seq++) expect(take(behind, seq)).toBe("same");
  for (let seq = 1_001; seq <= 1_500; seq++) expect(take(ahead, seq)).toBe("first");
  expect(room.capacity).toBe(1_024);
  expect(room.place(990, 1_090)).toBe("other");
  expect(room.place(991, 0)).toBe("other");
  for (let seq = 991; seq <= 1_500; seq++) expect(take(behind, seq)).toBe("same");
  // Whoever joined without having anything would bring nothing back.
  const late = new Reading(room, 0, true);
  for (let seq = 1_501; seq <= 3_000; seq++) expect(take(ahead, seq)).toBe("first");
  expect(late.passed).toBe(0);
  expect(take(late, 3_000)).toBe("same");
  expect(room.place(2_000, 2_100)).toBe("same");
  expect(take(late, 900)).toBe("other");
});

test("keeps a hole's place when only the place behind it has come", () => {
  const room = new Room(1, 0, true);
  const reading = new Reading(room, 0, true);
  reading.take(2);
  room.place(2, 12);
  for (let seq = 3; seq <= 1_000; seq++) {
    reading.take(seq);
    room.place(seq, 10 + seq);
  }
  expect(room.capacity).toBe(1_024);
  expect(reading.passed).toBe(0);
  expect(reading.take(1)).toBe("late");
  expect(room.place(1, 11)).toBe("first");
  expect(reading.passed).toBe(1_000);
});

test("keeps the place that its only reader has just come to", () => {
  const room = new Room(1, 0, true);
  const reading = new Reading(room, 0, true);
  for (let seq = 1; seq <= 1_000; seq++) {
    reading.take(seq);
    expect(room.place(seq, seq)).toBe("first");
    expect(room.place(seq, seq)).toBe("same");
  }
  expect(room.capacity).toBe(64);
});
