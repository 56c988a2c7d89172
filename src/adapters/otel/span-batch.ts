import type { SpanRecord } from "../../ports/tracer.ts";
import { spanText } from "./span-text.ts";

const BYTES_MIN = 16 * 1024;
const END = "]}]}]}";

/**
 * Spans as the body of one request. They are made bytes as they come: what waits for the collector is
 * nothing that the garbage collector has to look at.
 */
export class SpanBatch {
  #bytes: Buffer;
  #used: number;
  #count = 0;

  /**
   * @param start what is in front of the spans: ASCII, up to `"spans":[`
   * @param bytes of a batch that nobody needs any more: fresh ones would each be a page of zeros first
   */
  constructor(start: string, bytes: Buffer | undefined) {
    this.#bytes = bytes ?? Buffer.allocUnsafe(BYTES_MIN);
    this.#used = this.#bytes.write(start, "latin1");
  }

  /** Spans. */
  get count(): number {
    return this.#count;
  }

  /** What {@link end} gave is a part of; for another batch when that is over. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  add(span: SpanRecord): void {
    const text = spanText(span);
    this.#write(this.#count === 0 ? text : `,${text}`);
    this.#count++;
  }

  /** The whole body, after which nothing may be added. */
  end(): Uint8Array {
    this.#write(END);
    return this.#bytes.subarray(0, this.#used);
  }

  #write(text: string): void {
    const end = this.#used + text.length;
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, end));
      grown.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = grown;
    }
    this.#bytes.write(text, this.#used, "latin1");
    this.#used = end;
  }
}
