import { expect, test } from "bun:test";
import { Book, type Fault } from "../../../load/torture/book.ts";
import { contentText } from "../../../load/torture/content.ts";
import { checkConversation, compareReader } from "../../../load/torture/verdict.ts";

/** A conversation of three messages, each with its receipt before the next is sent. */
function conversation(): Book {
  const book = new Book();
  for (let i = 0; i < 3; i++) book.add("c").ackedAt = book.step();
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

test("lets messages change places that were under way together", () => {
  const book = new Book();
  const [first, second] = [book.add("c"), book.add("c")];
  first.ackedAt = book.step();
  second.ackedAt = book.step();
  checkConversation(book, [1, 0], book.messages);
  expect(book.isClean).toBe(true);
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
