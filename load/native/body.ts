import { writeHex32 } from "./digits.ts";

/** What messages are made of: many scripts and escapes, or ASCII. A generator's LOAD_TEXT. */
export type Text = "mixed" | "plain";

/** Length of every content in bytes of UTF-8. */
export const BODY_BYTES = 200;
/** How every content starts: its message's number follows in eight hex digits. */
export const BODY_HEAD = '{"n":"';
const MIDDLE = '","text":"';
const TAIL = '"}';
/** Where the eight hex digits of the message's number are in its content. */
export const BODY_NUMBER_AT = BODY_HEAD.length;
const TEXT_AT = BODY_HEAD.length + 8 + MIDDLE.length;
const AFTER_NUMBER = BODY_NUMBER_AT + 8;
export const BODY_VARIANTS = 16;

/**
 * ASCII alone, as most chat in English is. Text beyond Latin-1 costs a server in
 * JavaScript about a third more, since its strings take two bytes a character then.
 */
const PLAIN_PHRASES = [
  "plain words that most messages are made of ",
  'with \\"quotes\\" and line\\nbreaks ',
  "now and then, see you at seven? ",
] as const;

// As a client may write it: raw text outside ASCII as well as every kind of JSON escape.
// cspell:disable
const PHRASES = [
  "Grüße aus Zürich, naïve café ",
  "東京の朝 ☕ ",
  '\\"quoted\\" and back\\\\slash ',
  "line\\nbreak\\ttab ",
  "wave 🌊 and \\ud83c\\udf0a ",
  "caf\\u00e9 \\u2028 \\/ ",
  "Привет, мир ",
  "plain words that most messages are made of ",
] as const;
// cspell:enable

const encoder = new TextEncoder();
const isPlain = process.env["LOAD_TEXT"] === "plain";
/** Has no divisor in common with either number of phrases. */
const STEP = 5;
const phrases: readonly string[] = isPlain ? PLAIN_PHRASES : PHRASES;

/** The contents that messages are made of: {@link BODY_VARIANTS} texts of {@link BODY_BYTES} bytes. */
export const BODIES: readonly Uint8Array[] = Array.from({ length: BODY_VARIANTS }, (_, variant) =>
  buildBody(variant),
);

function buildBody(variant: number): Uint8Array {
  let text = "";
  let room = BODY_BYTES - TEXT_AT - TAIL.length;
  for (let i = 0; room > 0; i++) {
    const phrase = phrases[(variant + i * STEP) % phrases.length] as string;
    const bytes = encoder.encode(phrase).length;
    const piece = bytes <= room ? phrase : ".".repeat(room);
    text += piece;
    room -= encoder.encode(piece).length;
  }
  return encoder.encode(`${BODY_HEAD}00000000${MIDDLE}${text}${TAIL}`);
}

/** The content's text of message `number`, as it is written on the wire. */
export function bodyText(number: number): string {
  const bytes = (BODIES[number % BODY_VARIANTS] as Uint8Array).slice();
  writeHex32(bytes, BODY_NUMBER_AT, number);
  return new TextDecoder().decode(bytes);
}

/** Whether what follows the number in the content at `at` is as message `number` has it. */
export function isBody(bytes: Buffer, at: number, number: number): boolean {
  const body = BODIES[number % BODY_VARIANTS] as Uint8Array;
  return bytes.compare(body, AFTER_NUMBER, BODY_BYTES, at + AFTER_NUMBER, at + BODY_BYTES) === 0;
}
