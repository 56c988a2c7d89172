import type { PublishedRun } from "../../ports/backplane.ts";
import { writeDigits, writeNumber } from "../../wire/decimal.ts";
import { copyFew } from "../../wire/few-bytes.ts";
import { writeLatin1 } from "../../wire/latin1.ts";
import { eventPushLead, PUSH_END, PUSH_EVENT_FIELD } from "../../wire/reply.ts";
import { encodeFacts, encodeHead, type LaneHead } from "./frame.ts";

const BYTES_MIN = 64 * 1024;
/** What a burst left behind is given back. */
const BYTES_KEPT = 4 * 1024 * 1024;
/** UTF-8 of one UTF-16 unit has 3 bytes at most. */
const BYTES_PER_UNIT = 3;
/** Of a run's length, with zeros before it: it is known only when the run is written. */
const LENGTH_DIGITS = 10;
const TAB = 9;
const FIELD = Buffer.from(PUSH_EVENT_FIELD);
/** With the line feed behind it. */
const END = Buffer.from(`${PUSH_END}\n`);
const SEQ_DIGITS_MAX = 16;
/** Of a message's first line. */
const HEAD_BYTES_MAX = 64;

/** Writes a publication: events that came as bytes are copied, and never made text of. */
export class FrameWriter {
  #bytes = Buffer.allocUnsafe(BYTES_MIN);
  /** Runs begin behind the room for the first line, which is known last. */
  #used = HEAD_BYTES_MAX;

  /** Bytes of the runs. */
  get length(): number {
    return this.#used - HEAD_BYTES_MAX;
  }

  /**
   * Adds events `from` ≤ i < `to` of a run.
   * @returns false when a name has a line break or tab, which none that was checked has
   */
  run(run: PublishedRun, from: number, to: number): boolean {
    const head = encodeFacts(run, from, to);
    if (head === undefined) return false;
    const lead = eventPushLead(JSON.stringify(run.conversation));
    const around = lead.length * BYTES_PER_UNIT + SEQ_DIGITS_MAX + FIELD.length + END.length + 1;
    let most = head.length * BYTES_PER_UNIT + LENGTH_DIGITS + 1;
    const { packed } = run;
    const events = packed === undefined ? run.events : [];
    for (let i = from; i < to; i++)
      most += around + (packed?.[i]?.eventBytes ?? (events[i] as string).length * BYTES_PER_UNIT);
    this.#need(most);
    const bytes = this.#bytes;
    const begin = this.#used;
    let at = begin + LENGTH_DIGITS;
    bytes[at++] = TAB;
    at += bytes.write(head, at, "utf8");
    const leadStart = at;
    const leadEnd = at + bytes.write(lead, at, "utf8");
    for (let i = from; i < to; i++) {
      at = i === from ? leadEnd : at + bytes.copy(bytes, at, leadStart, leadEnd);
      at = copyFew(FIELD, bytes, writeNumber(run.firstSeq + i, bytes, at));
      const record = packed?.[i];
      at =
        record === undefined
          ? at + bytes.write(events[i] as string, at, "utf8")
          : record.copyEvent(bytes, at);
      at = copyFew(END, bytes, at);
    }
    writeDigits(at - begin - LENGTH_DIGITS - 1, bytes, begin, begin + LENGTH_DIGITS);
    this.#used = at;
    return true;
  }

  /** The whole message, which is overwritten by the next one. */
  take(head: LaneHead): Buffer {
    const line = encodeHead(head);
    const from = HEAD_BYTES_MAX - line.length;
    writeLatin1(line, this.#bytes, from);
    const message = this.#bytes.subarray(from, this.#used);
    this.#used = HEAD_BYTES_MAX;
    if (this.#bytes.length > BYTES_KEPT) this.#bytes = Buffer.allocUnsafe(BYTES_MIN);
    return message;
  }

  #need(more: number): void {
    if (this.#used + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + more));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }
}
