import { isSendReply } from "./template.ts";

/** What the lines of one frame were. */
export interface FrameCount {
  receipts: number;
  events: number;
}

export interface LineSink {
  /** One of the sampled events: the whole line. */
  sample(line: string): void;
  /** The reply to a `send` that is one of the sampled. */
  sampleReceipt(line: string): void;
  /** A line that is neither an event nor a receipt. */
  other(line: string): void;
  /** Events with rising seqs, by the first, the last and their number. @returns false to get each */
  run(first: number, last: number, count: number): boolean;
  each(seq: number): void;
}

// Comparing whole strings is the cheapest that k6's runtime can do with a line.
const EVENT_FROM = '{"push":{"conversation"';
/** After every text that begins so. */
const EVENT_TO = `${EVENT_FROM}~`;
const REPLY_TO = '{"j';
const SEQ = '"seq":';
const SEND_AT = 15;
const LETTER_S = 115;

/** Takes frames apart: counts all of their lines, and hands on one of so many. */
export class LineCounter {
  readonly #every: number;
  #untilEvent = 1;
  #untilReceipt = 1;

  constructor(every: number) {
    this.#every = every;
  }

  take(frame: string, sink: LineSink): FrameCount {
    const lines = frame.split("\n");
    let events = 0;
    let receipts = 0;
    let first = "";
    let last = "";
    // Lines of one conversation differ first in their seq, so that rising lines of one length have
    // rising seqs (where those get one digit more, each is looked at). Rising, and as many as there
    // are from the first to the last: none is missing or doubled.
    let isRising = true;
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string;
      if (line > EVENT_FROM && line < EVENT_TO) {
        if (events++ === 0) first = line;
        else if (line <= last || line.length !== last.length) isRising = false;
        last = line;
        if (--this.#untilEvent === 0) {
          this.#untilEvent = this.#every;
          sink.sample(line);
        }
      } else if (line < REPLY_TO && isSendReply(line) && line.charCodeAt(SEND_AT) === LETTER_S) {
        receipts++;
        if (--this.#untilReceipt === 0) {
          this.#untilReceipt = this.#every;
          sink.sampleReceipt(line);
        }
      } else sink.other(line);
    }
    if (events === 0) return { receipts, events };
    if (!isRising || !sink.run(seqOf(first), seqOf(last), events)) {
      for (const line of lines) if (line > EVENT_FROM && line < EVENT_TO) sink.each(seqOf(line));
    }
    return { receipts, events };
  }
}

function seqOf(line: string): number {
  return Number.parseInt(line.slice(line.indexOf(SEQ) + SEQ.length), 10);
}
