import type { SpanRecord } from "../../ports/tracer.ts";
import { spanText } from "./span-text.ts";

const BYTES_MIN = 16 * 1024;
const END = "]}]}]}";
/**
 * So many spans are made bytes together: code that runs once a millisecond, between all that a server
 * does, finds nothing of itself in the processor's caches.
 */
const WRITTEN_AT_ONCE = 64;

/**
 * Spans as the body of one request. But for the last few they wait as bytes, and as nothing that the
 * garbage collector has to look at.
 */
export class SpanBatch {
  #bytes: Buffer;
  #used: number;
  #unwritten: SpanRecord[] = [];
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
    this.#count++;
    this.#unwritten.push(span);
    if (this.#unwritten.length === WRITTEN_AT_ONCE) this.#writeAll();
  }

  /** The whole body, after which nothing may be added. */
  end(): Uint8Array {
    this.#writeAll();
    this.#write(END);
    return this.#bytes.subarray(0, this.#used);
  }

  #writeAll(): void {
    let written = this.#count - this.#unwritten.length;
    for (const span of this.#unwritten) {
      const text = spanText(span);
      this.#write(written++ === 0 ? text : `,${text}`);
    }
    this.#unwritten.length = 0;
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
