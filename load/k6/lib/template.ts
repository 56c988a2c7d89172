/**
 * Messages are made by putting a time into a text that is there already: one call of the runtime
 * for a whole frame, since building each line in a script costs k6 more than all else.
 */

const TIME_CHARS = 13;
const LINE_DIGITS = 3;
/** Ids of sends have seven digits, which tells their replies from all others. */
const SEND_ID_BASE = 1_000_000;
/** Plain ASCII: k6 keeps other texts in a form that it reads several times slower. */
export const TEXT = "All work and no play makes a dull load. ".repeat(4);
const SLOT = "\u0000";

/** Which messages a template makes: no two templates of a run may have the same. */
export interface Origin {
  /** 12 bits of the run. */
  readonly run: number;
  /** The virtual user, below 4,096. */
  readonly vu: number;
  /** The sender among those of its virtual user, below 4,096. */
  readonly sender: number;
}

/** Makes the texts of one sender, all alike but for the time, which must differ from text to text. */
export class Template {
  readonly lines: number;
  readonly #parts: readonly string[];

  private constructor(lines: readonly string[]) {
    this.lines = lines.length;
    this.#parts = lines.join("\n").split(SLOT);
  }

  /** Frames of `send` commands to one conversation. */
  static frames(origin: Origin, conversation: string, lines: number): Template {
    return new Template(
      numbers(lines).map(
        (i) => `{"id":${SEND_ID_BASE + i},"send":${sendBody(conversation, keyOf(origin, i))}}`,
      ),
    );
  }

  /** NDJSON of `send` lines, for the conversations in turn. */
  static events(origin: Origin, conversations: readonly string[], lines: number): Template {
    return new Template(
      numbers(lines).map((i) => {
        const conversation = conversations[i % conversations.length] as string;
        return `{"send":${sendBody(conversation, keyOf(origin, i))}}`;
      }),
    );
  }

  /** The body of one message over HTTP. */
  static message(origin: Origin): Template {
    const key = keyOf(origin, 0);
    return new Template([
      `{"key":"${key}","attempt":1,"type":"text","content":{"text":"${TEXT}"}}`,
    ]);
  }

  /** @param time milliseconds since 1970 at which it is due */
  make(time: number): string {
    const hex = time.toString(16).padStart(TIME_CHARS - 1, "0");
    return this.#parts.join(`${hex.slice(0, 8)}-${hex.slice(8)}`);
  }
}

/** The time in a message's key, in ms since 1970; NaN when it is none of ours. */
export function keyTime(key: string): number {
  return Number.parseInt(key.slice(0, 8) + key.slice(9, TIME_CHARS), 16);
}

/** Whether a line is the reply to a `send`, which is a receipt or an error. */
export function isSendReply(line: string): boolean {
  return line.charCodeAt(13) === COMMA && line.charCodeAt(6) === ONE;
}

const COMMA = 44;
const ONE = 49;

function sendBody(conversation: string, key: string): string {
  return `{"conversation":"${conversation}","key":"${key}","attempt":1,"type":"text","content":{"text":"${TEXT}"}}`;
}

/** A UUIDv7 (RFC 9562, 5.7) with a slot for its time; what is random there says whose it is here. */
function keyOf({ run, vu, sender }: Origin, line: number): string {
  const hex3 = (value: number): string => (value & 0xfff).toString(16).padStart(3, "0");
  const digits = String(line).padStart(LINE_DIGITS, "0");
  return `${SLOT}-7${hex3(vu)}-8${hex3(run)}-${hex3(sender)}000000${digits}`;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
