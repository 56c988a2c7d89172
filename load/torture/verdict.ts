import type { Book, Message } from "./book.ts";

/** Compares what one reader got with what the conversation is, place by place. */
export function compareReader(
  book: Book,
  truth: readonly number[],
  seen: readonly number[],
  who: string,
): void {
  if (seen.length !== truth.length) {
    book.fault("lost", `${who} got ${seen.length} of ${truth.length}`);
  }
  const common = Math.min(seen.length, truth.length);
  for (let at = 0; at < common; at++) {
    if (seen[at] === truth[at]) continue;
    book.fault("reordered", `${who} got ${seen[at]} at seq ${at + 1}, others ${truth[at]}`);
    return;
  }
}

/** Every acked message has one place, and keeps its sender's order as far as that is promised. */
export function checkConversation(
  book: Book,
  truth: readonly number[],
  own: readonly Message[],
): void {
  const places = new Map<number, number>();
  truth.forEach((number, at) => {
    const first = places.get(number);
    if (first === undefined) places.set(number, at);
    else book.fault("duplicate", `message ${number} at seq ${first + 1} and ${at + 1}`);
  });
  for (const message of own) {
    if (message.ackedAt !== 0 && !places.has(message.number)) {
      book.fault("lost", `${message.key}, acked, is nowhere`);
    }
  }
  checkSender(book, own, places);
  checkConnections(book, own, places);
}

/** What had its receipt before another was first sent stands before it. */
function checkSender(
  book: Book,
  own: readonly Message[],
  places: ReadonlyMap<number, number>,
): void {
  const placed = own
    .filter(({ number }) => places.has(number))
    .toSorted((a, b) => (places.get(a.number) ?? 0) - (places.get(b.number) ?? 0));
  let latestSent = 0;
  for (const message of placed) {
    if (message.ackedAt !== 0 && message.ackedAt < latestSent) {
      book.fault("reordered", `${message.key} stands behind what was sent after its receipt`);
    }
    latestSent = Math.max(latestSent, message.sentAt);
  }
}

/** What one connection sent stands in that order, where the first try had the receipt. */
function checkConnections(
  book: Book,
  own: readonly Message[],
  places: ReadonlyMap<number, number>,
): void {
  let connection = -1;
  let last = -1;
  for (const message of own) {
    const place = places.get(message.number);
    if (!message.isAckedAtOnce || place === undefined) continue;
    if (message.connection === connection && place < last)
      book.fault("reordered", `${message.key} stands before what its connection sent before it`);
    connection = message.connection;
    last = place;
  }
}
