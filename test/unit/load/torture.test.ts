import { expect, test } from "bun:test";
import { Book, type Fault } from "../../../load/torture/book.ts";
import { contentText } from "../../../load/torture/content.ts";
import { checkConversation, compareReader } from "../../../load/torture/verdict.ts";

/** A conversation of three messages, each with its receipt before the next is sent. */
function conversation(): Book {
  const book = new Book();
  for (let i = 0; i < 3; i++) book.add("c", 1).ackedAt = book.step();
  return book;
}

function faultsOf(truth: readonly number[], seen = truth): Partial<Record<Fault, number>> {
  const book = conversation();
  compareReader(book, truth, seen, "a reader");
  checkConversation(book, truth, book.messages);
  return Object.fromEntries(Object.entries(book.faults).filter(([, count]) => count > 0));
}

test("finds no fault in what is right", () => {
  expect(faultsOf([0, 1, 2])).toEqual({});
});

test("finds an acked message that is nowhere", () => {
  expect(faultsOf([0, 2])).toEqual({ lost: 1 });
});

test("finds a message in two places", () => {
  expect(faultsOf([0, 1, 2, 1])).toEqual({ duplicate: 1 });
});

test("finds a message behind what was sent after its receipt", () => {
  expect(faultsOf([0, 2, 1])).toEqual({ reordered: 1 });
});

/** Two messages under way together, in the other order; `tries` says how many each took. */
function swapped(connections: readonly [number, number], tries: readonly [number, number]): number {
  const book = new Book();
  const own = connections.map((connection) => book.add("c", connection));
  own.forEach((message, i) => {
    message.ackedAt = book.step();
    message.isAckedAtOnce = tries[i] === 1;
  });
  checkConversation(book, [1, 0], own);
  return book.faults.reordered;
}

test("finds that what one connection sent changed places", () => {
  expect(swapped([1, 1], [1, 1])).toBe(1);
});

test("lets messages change places that were under way together and were sent again", () => {
  expect(swapped([1, 1], [2, 1])).toBe(0);
  expect(swapped([1, 2], [1, 1])).toBe(0);
});

test("finds a reader with another order, and one with less", () => {
  expect(faultsOf([0, 1, 2], [0, 2, 1])).toEqual({ reordered: 1 });
  expect(faultsOf([0, 1, 2], [0, 1])).toEqual({ lost: 1 });
});

test("has contents that are JSON and that a parser would not give back as they were", () => {
  const texts = Array.from({ length: 12 }, (_, number) => contentText(number));
  for (const text of texts) expect(JSON.parse(text)).toHaveProperty("n");
  const changed = texts.filter((text) => JSON.stringify(JSON.parse(text)) !== text);
  expect(changed.length).toBeGreaterThan(5);
});
