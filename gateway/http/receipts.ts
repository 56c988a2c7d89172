import type { AppError } from "../../src/errors.ts";
import { errorBody } from "../../src/wire/reply.ts";
import type { KeptLine, ReceiptSink } from "../ingest/receipt-sink.ts";

/**
 * Receipts as a stream of lines that a client reads while it still writes, in the order in which
 * outcomes came. What it does not read waits here, bounded: when it is full the body is not read.
 */
export class Receipts implements ReceiptSink {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #charsMax: number;
  readonly #encoder = new TextEncoder();
  #text = "";
  #isOver = false;
  #error: AppError | undefined;
  #written: (() => void) | undefined;
  /** Called when something was read. */
  read: () => void = () => {};
  /** Called when the client has gone. */
  left: () => void = () => {};

  constructor(charsMax: number) {
    this.#charsMax = charsMax;
    this.stream = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => this.#pull(controller),
        cancel: () => {
          this.#isOver = true;
          this.#text = "";
          this.left();
        },
      },
      { highWaterMark: 0 },
    );
  }

  get isFull(): boolean {
    return this.#text.length >= this.#charsMax;
  }

  /**
   * The first line of all, written before the body is read: the answer's head goes out with it, which
   * some clients wait for before they write.
   */
  begin(request: string): void {
    this.#write(`{"begin":{"request":"${request}"}}\n`);
  }

  kept(receipt: KeptLine): void {
    const { line, id, topic, durability, partition, offset } = receipt;
    // The server made or checked all of these.
    this.#write(
      `{"line":${line},"id":"${id}","topic":"${topic}","durability":"${durability}","partition":${partition},"offset":"${offset}"}\n`,
    );
  }

  keptInOutbox(line: number, id: string, topic: string): void {
    this.#write(`{"line":${line},"id":"${id}","topic":"${topic}","durability":"outbox"}\n`);
  }

  refused(line: number, error: AppError): void {
    this.#write(`{"line":${line},"error":${JSON.stringify(errorBody(error))}}\n`);
  }

  /** The last line of all. */
  end(summary: object): void {
    this.#write(`{"end":${JSON.stringify(summary)}}\n`);
    this.#isOver = true;
    this.#written?.();
  }

  /** The stream breaks off, as after a bug. */
  fail(error: AppError): void {
    if (this.#isOver) return;
    this.#error = error;
    this.#isOver = true;
    this.#written?.();
  }

  #write(line: string): void {
    if (this.#isOver) return;
    this.#text += line;
    this.#written?.();
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    if (this.#text === "" && !this.#isOver)
      await new Promise<void>((resolve) => (this.#written = resolve));
    this.#written = undefined;
    if (this.#text !== "") {
      controller.enqueue(this.#encoder.encode(this.#text));
      this.#text = "";
      this.read();
    } else if (this.#error !== undefined) controller.error(this.#error);
    else if (this.#isOver) controller.close();
  }
}
