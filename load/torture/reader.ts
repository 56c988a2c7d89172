import type { Book } from "./book.ts";
import { contentText } from "./content.ts";
import { type Json, Link, type LinkListener, type Target } from "./link.ts";

interface Push {
  readonly conversation: string;
  readonly seq: number;
  readonly event: { readonly id: string; readonly key: string };
}

/** Wait after a refusal that passes and does not say how long. */
const RETRY_MS = 250;

/** Reads one conversation, and after each break goes on from its cursor. */
export class TortureReader implements LinkListener {
  readonly conversation: string;
  /** Numbers of the messages it got, in its order: the first has seq 1. */
  readonly order: number[] = [];
  readonly #book: Book;
  readonly #epoch: string;
  readonly #link: Link;
  #retryTimer: Timer | undefined;
  #heardAt = performance.now();
  #longestMs = 0;

  constructor(book: Book, target: Target, token: string, conversation: string, epoch: string) {
    this.conversation = conversation;
    this.#book = book;
    this.#epoch = epoch;
    this.#link = new Link(target, token, this);
  }

  /** Begins to measure its pauses anew. */
  mark(): void {
    this.#heardAt = performance.now();
    this.#longestMs = 0;
  }

  /** The longest time without an event, in ms. */
  get pauseMs(): number {
    return Math.max(this.#longestMs, performance.now() - this.#heardAt);
  }

  drop(): void {
    this.#link.drop();
  }

  close(): void {
    clearTimeout(this.#retryTimer);
    this.#link.stop();
  }

  up(): void {
    this.#book.counts.reconnects++;
    this.#subscribe();
  }

  #subscribe(): void {
    const cursor = `${this.#epoch}.${this.order.length}`;
    const subscribe = { conversation: this.conversation, cursor };
    this.#link.send([JSON.stringify({ id: this.#link.nextId(), subscribe })]);
  }

  down(): void {
    // The next `up` goes on from what was seen.
    clearTimeout(this.#retryTimer);
  }

  line(line: Json, text: string): void {
    const push = line["push"] as (Json & Partial<Push>) | undefined;
    if (!push) this.#answer(line, text);
    else if (push["event"] !== undefined) this.#event(push as unknown as Push, text);
    else if (push["reset"] !== undefined) this.#book.fault("unexpected", text);
  }

  #answer(line: Json, text: string): void {
    const error = line["error"] as { retriable: boolean; retry_after_ms?: number } | undefined;
    if (error?.retriable === true) {
      const wait = error.retry_after_ms ?? RETRY_MS;
      this.#retryTimer = setTimeout(() => this.#subscribe(), wait);
      return;
    }
    const reply = line["subscribe"] as { recovered: boolean } | undefined;
    if (reply?.recovered !== true) this.#book.fault("unexpected", text);
  }

  #event({ conversation, seq, event }: Push, text: string): void {
    this.#book.counts.delivered++;
    const now = performance.now();
    this.#longestMs = Math.max(this.#longestMs, now - this.#heardAt);
    this.#heardAt = now;
    const message = this.#book.byKey(event.key);
    if (conversation !== this.conversation || !message || message.conversation !== conversation) {
      this.#book.fault("altered", text);
      return;
    }
    const expected = this.order.length + 1;
    if (seq !== expected) {
      this.#book.fault(seq < expected ? "duplicate" : "hole", `seq ${seq} instead of ${expected}`);
      if (seq < expected) return;
      while (this.order.length + 1 < seq) this.order.push(-1);
    }
    this.order.push(message.number);
    if (message.id === "") message.id = event.id;
    if (event.id !== message.id) this.#book.fault("wrong_id", `${message.id} came as ${event.id}`);
    const content = `"content":${contentText(message.number)}`;
    if (!text.includes(content)) this.#book.fault("altered", `${content} came as ${text}`);
  }
}
