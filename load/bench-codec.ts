import { AppError } from "../src/errors.ts";
import { limitsWith } from "../src/limits.ts";
import { parseFrame } from "../src/wire/codec.ts";
import { sendSchema, type SendCommand } from "../src/wire/command.ts";
import { keyFault } from "../src/wire/key.ts";
import { readLine, type Line } from "../src/wire/read-line.ts";
import { encodeError, encodeEventPush, encodeReceipt } from "../src/wire/reply.ts";
import { nestsDeeper, skipValue, sliceMember } from "../src/wire/scan.ts";
import { scanSend } from "../src/wire/send-scan.ts";

/**
 * Nanoseconds a `send` takes to parse and check, by the codec and by the ways that were not taken.
 * Every frame is another text: with equal ones the processor learns the branches by heart.
 *
 *     bun load/bench-codec.ts
 */

const FRAMES = 2_000;
const ROUNDS = 400;
const limits = limitsWith();
const out: Line[] = [];

const WORDS =
  // cspell:ignore Größe länger hier
  'das Größe ist länger von hier 東京 tower \\"quoted\\" text\\n with \\\\ and café words 😀 than'.split(
    " ",
  );
let state = 1;
function random(below: number): number {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return (state >> 8) % below;
}
const hex = (digits: number) =>
  Array.from({ length: digits }, () => random(16).toString(16)).join("");

function content(ascii: boolean): string {
  let text = "Hello";
  while (new TextEncoder().encode(text).length < 110) text += ` ${WORDS[random(WORDS.length)]}`;
  if (ascii) text = text.replaceAll(/[^\x20-\x7e]/g, "x");
  return `{"text":"${text}","mentions":["ana","b${random(99)}"],"n":${random(1000)}.5,"reply_to":"0190c0de-0000-7000-8000-${hex(12)}"}`;
}

function line(ascii: boolean): string {
  const key = `0190c0de-${hex(4)}-7${hex(3)}-8${hex(3)}-${hex(12)}`;
  return `{"id":${1 + random(9999)},"send":{"conversation":"room-${random(200)}","key":"${key}","attempt":1,"type":"text","content":${content(ascii)}}}`;
}

/** As the socket gives it: decoded from UTF-8, one flat string. */
function frames(ascii: boolean, lines: number): string[] {
  return Array.from({ length: FRAMES / lines }, () => {
    const text = Array.from({ length: lines }, () => line(ascii)).join("\n");
    return new TextDecoder().decode(new TextEncoder().encode(text));
  });
}

function measure(
  name: string,
  texts: readonly string[],
  lines: number,
  work: (text: string) => number,
) {
  let sum = 0;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (const text of texts) sum += work(text);
    const ns = ((performance.now() - start) * 1e6) / (texts.length * lines);
    if (round > ROUNDS / 4) best = Math.min(best, ns);
  }
  if (!Number.isFinite(sum)) throw new Error(`${name} gave no numbers`);
  console.log(`${name.padEnd(58)} ${best.toFixed(0).padStart(6)} ns`);
}

/** JSON.parse and the whole schema, then the scanner for the raw content. */
function bySchema(text: string): SendCommand {
  if (nestsDeeper(text, limits.frameDepthMax)) throw new Error("too deep");
  const value = JSON.parse(text) as { id: number; send: unknown };
  const { conversation, key, attempt, type } = sendSchema.parse(value.send);
  const raw = sliceMember(sliceMember(text, "send") as string, "content") as string;
  return {
    verb: "send",
    id: value.id,
    conversation,
    key,
    attempt: attempt ?? 0,
    kind: type ?? "text",
    content: raw,
  };
}

/** JSON.parse and checks by hand, then the scanner for the raw content. */
function byJsonParse(text: string): SendCommand {
  if (nestsDeeper(text, limits.frameDepthMax)) throw new Error("too deep");
  const { id, send } = JSON.parse(text) as { id: number; send: SendCommand & { type: "text" } };
  if (keyFault(send.key) !== undefined || typeof send.conversation !== "string")
    throw new Error("bad");
  const raw = sliceMember(sliceMember(text, "send") as string, "content") as string;
  return {
    verb: "send",
    id,
    conversation: send.conversation,
    key: send.key,
    attempt: send.attempt,
    kind: send.type,
    content: raw,
  };
}

const PREFIX =
  /\{"id":([1-9][0-9]{0,14}),"send":\{"conversation":"([\x20\x21\x23-\x5b\x5d-\x7e]{1,200})","key":"([A-Za-z0-9_-]{16,64})"(?:,"attempt":([1-9][0-9]{0,5}))?(?:,"type":"(text|file|image|video)")?,"content":(?=\{)/y;

/** One sticky expression for all before the content; the content by the scanner or JSON.parse. */
function byExpression(text: string, parse: boolean): SendCommand {
  PREFIX.lastIndex = 0;
  const match = PREFIX.exec(text);
  if (match === null || keyFault(match[3] as string) !== undefined) throw new Error("bad");
  const start = PREFIX.lastIndex;
  const end = parse ? text.length - 2 : skipValue(text, start, 30);
  const raw = text.slice(start, end);
  if (parse) JSON.parse(raw);
  return {
    verb: "send",
    id: Number(match[1]),
    conversation: match[2] as string,
    key: match[3] as string,
    attempt: Number(match[4] ?? 0),
    kind: "text",
    content: raw,
  };
}

const parsed = (text: string) => {
  if (parseFrame(text, limits, out) !== undefined) throw new Error("fault");
  for (const command of out) if (command.verb !== "send") throw new Error("not a send");
  return out.length;
};
const scanned = (text: string) => {
  out.length = 0;
  const end = scanSend(text, 0, limits, out);
  if (end < 0) throw new Error("not scanned");
  return end;
};

for (const [kind, ascii] of [
  ["non-ASCII", false],
  ["ASCII", true],
] as const) {
  const one = frames(ascii, 1);
  const ten = frames(ascii, 10);
  console.log(`\n${kind}, ${(one.join("").length / one.length).toFixed(0)} characters a line`);
  measure("parseFrame, one send a frame", one, 1, parsed);
  measure("parseFrame, ten sends a frame", ten, 10, parsed);
  measure("scanSend alone", one, 1, scanned);
  measure(
    "readLine (JSON.parse, zod for the fields, scanner)",
    one,
    1,
    (text) => (readLine(text, limits) as SendCommand).id,
  );
  measure(
    "rejected: expression for the prefix, scanner",
    one,
    1,
    (text) => byExpression(text, false).id,
  );
  measure(
    "rejected: expression for the prefix, JSON.parse of content",
    one,
    1,
    (text) => byExpression(text, true).id,
  );
  measure("rejected: JSON.parse, checks by hand, scanner", one, 1, (text) => byJsonParse(text).id);
  measure("rejected: JSON.parse, zod for all, scanner", one, 1, (text) => bySchema(text).id);
  measure(
    "JSON.parse alone, nothing checked",
    one,
    1,
    (text) => (JSON.parse(text) as { id: number }).id,
  );
}

console.log("\nServer lines");
const event = content(false);
const busy = new AppError("rate_limited", undefined, { retryAfterMs: 800 });
const ids = frames(true, 1);
let id = 0;
measure(
  "encodeReceipt",
  ids,
  1,
  () =>
    encodeReceipt(
      ++id & 1023,
      "0190c0de-1234-7abc-8def-0123456789ab.c29tZXNjb3Bl",
      "disk",
      id & 31,
      id,
    ).length,
);
measure("encodeEventPush", ids, 1, () => encodeEventPush('"general"', ++id, event).length);
measure("encodeError", ids, 1, () => encodeError(++id, busy).length);
