import { expect, test } from "bun:test";
import { bodyText } from "../../../load/native/body.ts";
import { SEND_ID_BASE } from "../../../load/native/command.ts";
import { RunNames } from "../../../load/native/key.ts";
import { LineScanner, userName } from "../../../load/native/line.ts";

const NOW = 1_795_254_378_085;
const SCOPE = "abcdefghijklmnop";
const [SENDER, ROOM, SEQ] = [5, 7, 12];
const names = new RunNames(0x1234_5670);
const scanner = new LineScanner(names);

/** What a frame is taken for. */
function read(frame: string | Uint8Array): string[] {
  const seen: string[] = [];
  const bytes = Buffer.concat([Buffer.from("before"), Buffer.from(frame as string)]);
  scanner.scan(bytes, 6, bytes.length, {
    receipt: (number, isRight) => void seen.push(`receipt ${number} ${isRight}`),
    event: (...parts) => void seen.push(`event ${parts.join(" ")}`),
    sample: () => undefined,
    other: (text) => void seen.push(`other ${text}`),
  });
  return seen;
}

const key = (number: number): string => names.key(number, NOW);
const receipt = (number: number, of = number): string =>
  `{"id":${SEND_ID_BASE + number},"send":{"message":"${key(of)}.${SCOPE}","durability":"log","at":{"partition":0,"offset":"3"}}}`;
const event = (number: number): string =>
  `{"push":{"conversation":"${names.room(ROOM)}","seq":${SEQ},"event":{"id":"${key(number)}.${SCOPE}",` +
  `"type":"message.sent","timestamp":${NOW},"key":"${key(number)}","sender":"${userName(SENDER)}",` +
  `"kind":"text","content":${bodyText(number)}}}}`;
const seen = (number: number, isRight: boolean, sender = SENDER): string =>
  `event ${ROOM} ${SEQ} ${number} ${sender} ${isRight}`;

test("reads events and receipts in place, in the order of their lines", () => {
  const frame = [receipt(3), event(32), "{}", event(33), receipt(4)].join("\n");
  expect(read(frame)).toEqual([
    "receipt 3 true",
    seen(32, true),
    "other {}",
    seen(33, true),
    "receipt 4 true",
  ]);
});

test("finds a receipt that names another message", () => {
  expect(read(receipt(3, 4))).toEqual(["receipt 3 false"]);
});

test("finds a part of an event that is another message's, in every event", () => {
  const [number, other] = [33, 49];
  const line = event(number);
  const body = bodyText(number);
  const swap = (text: string, by: string): string => line.replace(text, () => by);
  for (const [text, found] of [
    [swap(`"key":"${key(number)}`, `"key":"${key(other)}`), seen(number, false)],
    [swap(`"id":"${key(number)}`, `"id":"${key(other)}`), seen(other, false)],
    // The same text under another number, and another text under this one.
    [swap(body, bodyText(other)), seen(number, false)],
    [swap(body, body.slice(0, 15) + bodyText(number + 1).slice(15)), seen(number, false)],
    [swap(userName(SENDER), userName(6)), seen(number, true, 6)],
  ] as const) {
    expect(Buffer.byteLength(text)).toBe(Buffer.byteLength(line));
    expect(read(text)).toEqual([found]);
  }
});

test("finds any altered byte in one of sixteen events", () => {
  const number = 32;
  const bytes = Buffer.from(event(number));
  // Those that are the server's own: the message's time, and the tail of its id.
  const free = new Set<number>();
  for (const text of [SCOPE, String(NOW)])
    for (let i = 0; i < text.length; i++) free.add(bytes.indexOf(text) + i);
  for (let i = 0; i < bytes.length; i++) {
    const altered = Buffer.from(bytes);
    altered[i] = (bytes[i] as number) ^ 1;
    const isFound = read(altered).join("\n") !== seen(number, true);
    expect([i, isFound]).toEqual([i, !free.has(i)]);
  }
});
