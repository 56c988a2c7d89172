import type { SpanAttributes, SpanRecord } from "../../ports/tracer.ts";
import { attributeFields, concat, field, tag, varint, WIRE } from "./protobuf.ts";
import { SpanWriter } from "./span-writer.ts";

const BYTES_MIN = 16 * 1024;
/** Of each of the two lengths in front of the spans. */
const LENGTH_BYTES_MAX = 5;
/**
 * So many spans are made bytes together: code that runs once a millisecond, between all that a server
 * does, finds nothing of itself in the processor's caches.
 */
const WRITTEN_AT_ONCE = 64;

/** Where spans come from: what all requests of a process begin with, as fields of OTLP's messages. */
export interface SpanOrigin {
  readonly resource: Uint8Array;
  readonly scope: Uint8Array;
}

export function spanOrigin(resource: SpanAttributes, scope: string): SpanOrigin {
  return {
    resource: field(1, attributeFields(1, resource)),
    scope: field(1, field(1, scope)),
  };
}

/**
 * Spans as the body of one request, an `ExportTraceServiceRequest`. But for the last few they wait as
 * bytes, and as nothing that the garbage collector has to look at.
 */
export class SpanBatch {
  readonly #origin: SpanOrigin;
  readonly #writer: SpanWriter;
  /** Where the first span is: what comes before it is written when their length is known. */
  readonly #from: number;
  #unwritten: SpanRecord[] = [];
  #count = 0;

  /** @param bytes of a batch that nobody needs any more: fresh ones would each be a page of zeros first */
  constructor(origin: SpanOrigin, bytes: Buffer | undefined) {
    const { resource, scope } = origin;
    this.#origin = origin;
    this.#from = resource.length + scope.length + 2 * (1 + LENGTH_BYTES_MAX);
    this.#writer = new SpanWriter(bytes ?? Buffer.allocUnsafe(this.#from + BYTES_MIN), this.#from);
  }

  /** Spans. */
  get count(): number {
    return this.#count;
  }

  /** What {@link end} gave is a part of; for another batch when that is over. */
  get bytes(): Buffer {
    return this.#writer.bytes;
  }

  add(span: SpanRecord): void {
    this.#count++;
    this.#unwritten.push(span);
    if (this.#unwritten.length === WRITTEN_AT_ONCE) this.#writeAll();
  }

  /** The whole body, after which nothing may be added. */
  end(): Uint8Array {
    this.#writeAll();
    const { resource, scope } = this.#origin;
    const { bytes, end } = this.#writer;
    const spans = concat(tag(2, WIRE.bytes), varint(scope.length + end - this.#from), scope);
    const start = concat(
      tag(1, WIRE.bytes),
      varint(resource.length + spans.length + end - this.#from),
      resource,
      spans,
    );
    const from = this.#from - start.length;
    bytes.set(start, from);
    return bytes.subarray(from, end);
  }

  #writeAll(): void {
    for (const span of this.#unwritten) this.#writer.write(span);
    this.#unwritten.length = 0;
  }
}
