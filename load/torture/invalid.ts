import { writeTextHeader } from "../native/frame.ts";
import { type Address, NativeSocket } from "../native/socket.ts";
import type { Book } from "./book.ts";

const TIMEOUT_MS = 5_000;

/** Content whose bytes are no UTF-8 (a lone surrogate as such), and content that is no JSON. */
const INVALID: readonly (readonly [string, readonly number[]])[] = [
  ["a lone surrogate's bytes", [0xed, 0xa0, 0x80]],
  ["a cut sequence", [0xe2, 0x82]],
  ["an overlong slash", [0xc0, 0xaf]],
  ["a raw tab", [0x09]],
  ["a raw zero", [0x00]],
];

/** Sends what no server may take; each must be answered by an error or a close, never a receipt. */
export async function sendInvalid(
  book: Book,
  address: Address,
  token: string,
  conversation: string,
): Promise<void> {
  for (const [name, bytes] of INVALID) {
    const answer = await answerTo(address, token, conversation, bytes);
    if (answer !== "refused") book.fault("invalid_not_refused", `${name}: ${answer}`);
  }
}

async function answerTo(
  address: Address,
  token: string,
  conversation: string,
  bytes: readonly number[],
): Promise<string> {
  const done = Promise.withResolvers<string>();
  const socket = await NativeSocket.open(address, {
    text: (frame, start, end) => {
      for (const line of frame.toString("utf8", start, end).split("\n")) {
        if (line.startsWith('{"id":2,')) done.resolve(line.includes('"error"') ? "refused" : line);
      }
    },
    turn: () => undefined,
    closed: () => done.resolve("refused"),
  });
  const timer = setTimeout(() => done.resolve("no answer"), TIMEOUT_MS);
  const connect = JSON.stringify({ id: 1, connect: { token } });
  const send = `{"id":2,"send":{"conversation":${JSON.stringify(conversation)},"key":"${Bun.randomUUIDv7()}","attempt":1,"type":"text","content":{"text":"`;
  const payloads = [
    Buffer.from(connect),
    Buffer.concat([Buffer.from(send), Buffer.from(bytes), Buffer.from('"}}}')]),
  ];
  for (const payload of payloads) {
    const head = new Uint8Array(14);
    socket.write(
      Buffer.concat([head.subarray(0, writeTextHeader(head, 0, payload.length)), payload]),
    );
  }
  const answer = await done.promise;
  clearTimeout(timer);
  socket.terminate();
  return answer;
}
