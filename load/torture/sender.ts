import type { Book, Message } from "./book.ts";
import { contentText, otherContentText } from "./content.ts";
import { type Json, Link, type LinkListener, type Target } from "./link.ts";

const UNACKED_MAX = 400;
const FRAME_LINES_MAX = 100;
const RETRY_AFTER_MS = 50;

type Kind = "first" | "again" | "conflict";

interface Pending {
  readonly message: Message;
  readonly kind: Kind;
  readonly askedAt: number;
}

/**
 * Writes to one conversation. What has no receipt when the connection ends is sent again with the
 * same key; now and then so is something that had its receipt long ago, or another content under
 * its key, which must be refused.
 */
export class TortureSender implements LinkListener {
  readonly conversation: string;
  readonly own: Message[] = [];
  readonly #book: Book;
  readonly #target: Target;
  readonly #link: Link;
  readonly #pending = new Map<number, Pending>();
  readonly #unacked = new Set<Message>();
  /** Conflicts that had a receipt on this connection and wait for their refusal. */
  readonly #conflicts = new Map<string, number>();
  /** Refusals that came before the receipt. */
  readonly #early = new Map<string, number>();
  #retryTimer: Timer | undefined;
  #longestMs = 0;
  #connection = 0;

  constructor(book: Book, target: Target, token: string, conversation: string) {
    this.conversation = conversation;
    this.#book = book;
    this.#target = target;
    this.#link = new Link(target, token, this);
  }

  /** Begins to measure its answers anew. */
  mark(): void {
    this.#longestMs = 0;
  }

  /** The longest time from a command to its answer on a connection that lasted, in ms. */
  get answerMs(): number {
    const now = performance.now();
    let longest = this.#longestMs;
    for (const { askedAt } of this.#pending.values()) longest = Math.max(longest, now - askedAt);
    return longest;
  }

  /** Sends so many new messages if the connection is up and not too much is unanswered. */
  write(count: number): void {
    if (!this.#link.isUp) return;
    const lines: string[] = [];
    for (let i = 0; i < count && this.#unacked.size < UNACKED_MAX; i++) {
      const message = this.#book.add(this.conversation, this.#connection);
      this.own.push(message);
      this.#unacked.add(message);
      lines.push(this.#line({ message, kind: "first" }));
    }
    this.#send(lines);
  }

  /** Sends again what was acked before, as it was or with another content. */
  repeat(kind: "again" | "conflict"): void {
    const message = this.own[this.#target.chance.below(this.own.length)];
    if (!this.#link.isUp || !message || message.ackedAt === 0) return;
    message.attempt++;
    this.#book.counts[kind === "again" ? "resent" : "conflicts"]++;
    this.#send([this.#line({ message, kind })]);
  }

  /** Ends its connection without a word, whatever is unanswered; it comes back, perhaps elsewhere. */
  hop(): void {
    this.#link.drop();
  }

  get isSettled(): boolean {
    return (
      this.#link.isUp &&
      this.#unacked.size === 0 &&
      this.#pending.size === 0 &&
      this.#conflicts.size === 0
    );
  }

  get state(): string {
    return `${this.#unacked.size} unacked, ${this.#pending.size} unanswered, ${this.#conflicts.size} conflicts not refused`;
  }

  /** Counts conflicts that were acked and never refused although the connection stayed up. */
  close(): void {
    clearTimeout(this.#retryTimer);
    for (const key of this.#conflicts.keys()) this.#book.fault("conflict_not_refused", key);
    this.#link.stop();
  }

  up(): void {
    this.#book.counts.reconnects++;
    this.#connection++;
    this.#retry();
  }

  down(): void {
    this.#pending.clear();
    // A refusal that was on its way when the connection ended cannot be told from a missing one.
    this.#conflicts.clear();
    this.#early.clear();
  }

  line(line: Json): void {
    const push = line["push"] as Json | undefined;
    if (push) {
      const refused = push["refused"] as { key: string; code: string } | undefined;
      if (refused) this.#refused(refused);
      return;
    }
    const id = Number(line["id"]);
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    this.#longestMs = Math.max(this.#longestMs, performance.now() - pending.askedAt);
    const receipt = line["send"] as { message: string; durability: string } | undefined;
    if (receipt) this.#receipt(pending, receipt);
    else this.#error(pending, line["error"] as { code: string; retriable: boolean });
  }

  #receipt({ message, kind }: Pending, receipt: { message: string; durability: string }): void {
    const id = receipt.message;
    if (message.id !== "" && message.id !== id)
      this.#book.fault("wrong_id", `${message.id} then ${id}`);
    if (kind === "conflict") {
      this.#conflicts.set(message.key, (this.#conflicts.get(message.key) ?? 0) + 1);
      this.#settleConflict(message.key);
    }
    message.id = id;
    if (message.ackedAt !== 0) return;
    message.ackedAt = this.#book.step();
    message.isAckedAtOnce = message.attempt === 1;
    this.#book.counts.acked++;
    if (receipt.durability === "outbox") this.#book.counts.acked_by_outbox++;
    this.#unacked.delete(message);
  }

  #refused({ key, code }: { key: string; code: string }): void {
    if (code !== "key_conflict") this.#book.fault("unexpected", `refused ${key} with ${code}`);
    this.#book.counts.conflicts_refused++;
    this.#early.set(key, (this.#early.get(key) ?? 0) + 1);
    this.#settleConflict(key);
  }

  #settleConflict(key: string): void {
    const waiting = this.#conflicts.get(key) ?? 0;
    const refused = this.#early.get(key) ?? 0;
    const settled = Math.min(waiting, refused);
    if (settled === 0) return;
    if (waiting === settled) this.#conflicts.delete(key);
    else this.#conflicts.set(key, waiting - settled);
    if (refused === settled) this.#early.delete(key);
    else this.#early.set(key, refused - settled);
  }

  #error({ message, kind }: Pending, error: { code: string; retriable: boolean }): void {
    if (kind === "conflict" && error.code === "key_conflict") this.#book.counts.conflicts_refused++;
    else if (!error.retriable)
      this.#book.fault("unexpected", `${kind} of ${message.key}: ${error.code}`);
    else if (kind === "first") {
      this.#book.counts.refused_for_now++;
      clearTimeout(this.#retryTimer);
      this.#retryTimer = setTimeout(() => this.#retry(), RETRY_AFTER_MS);
    }
  }

  /** Sends again everything without a receipt that is not on its way, in its order. */
  #retry(): void {
    const underway = new Set([...this.#pending.values()].map(({ message }) => message));
    const lines: string[] = [];
    for (const message of this.#unacked) {
      if (underway.has(message)) continue;
      message.attempt++;
      this.#book.counts.retried++;
      lines.push(this.#line({ message, kind: "first" }));
    }
    this.#send(lines);
  }

  #line({ message, kind }: Omit<Pending, "askedAt">): string {
    const id = this.#link.nextId();
    this.#pending.set(id, { message, kind, askedAt: performance.now() });
    const text =
      kind === "conflict" ? otherContentText(message.number) : contentText(message.number);
    return `{"id":${id},"send":{"conversation":${JSON.stringify(this.conversation)},"key":"${message.key}","attempt":${message.attempt},"type":"text","content":${text}}}`;
  }

  #send(lines: readonly string[]): void {
    for (let at = 0; at < lines.length; at += FRAME_LINES_MAX) {
      this.#link.send(lines.slice(at, at + FRAME_LINES_MAX));
    }
  }
}
