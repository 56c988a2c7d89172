import type { Receipt } from "../wire/frame.ts";
import { fullJitterMs, type BackoffOptions } from "./backoff.ts";
import { contentText } from "./content-check.ts";
import { TidegateError } from "./errors.ts";
import { Lane, type Entry } from "./lane.ts";
import { utf8Bytes } from "./line-writer.ts";
import type { ClientClock, ClientRandom } from "./platform.ts";
import type { Refusal } from "./push.ts";
import type { KeptSend, SendStore } from "./send-store.ts";
import type { Sending, SendOptions } from "./sending.ts";
import type { Outcome, Session } from "./session.ts";

export interface SendQueueOptions {
  readonly clock: ClientClock;
  readonly random: ClientRandom;
  readonly backoff: BackoffOptions;
  readonly store: SendStore;
  readonly messagesMax: number;
  /** Bytes of content. */
  readonly bytesMax: number;
  session(): Session | undefined;
}

/** Errors that are about this connection and not about one message. */
const WIDE = new Set(["rate_limited", "overloaded", "draining"]);
/** Commands that are left for others than sends. */
const CREDIT_RESERVE = 8;

/**
 * Messages without a receipt, in one lane for each conversation. What was under way when a
 * connection ended, or was refused for a passing reason, goes again with the same key and a higher
 * attempt, before what was queued after it.
 */
export class SendQueue {
  readonly #options: SendQueueOptions;
  readonly #lanes = new Map<string, Lane>();
  #messages = 0;
  #bytes = 0;
  #inFlight = 0;
  #order = 0;
  #pumping = false;
  #heldUntil = 0;

  constructor(options: SendQueueOptions) {
    this.#options = options;
    for (const kept of options.store.load()) this.#restore(kept);
  }

  pending(conversation?: string): readonly Sending[] {
    return this.#entries()
      .filter((entry) => conversation === undefined || entry.conversation === conversation)
      .map((entry) => entry.sending);
  }

  send(conversation: string, content: object, options: SendOptions): Sending {
    const kind = options.kind ?? "text";
    const key = options.key ?? this.#options.random.uuidv7();
    let text: string;
    try {
      text = contentText(content);
      this.#checkRoom(text.length);
    } catch (error) {
      return rejected({ conversation, key, kind, content }, error as TidegateError);
    }
    const twin = this.#lanes.get(conversation)?.find(key);
    if (twin) {
      if (twin.content === text && twin.kind === kind) return twin.sending;
      const error = new TidegateError("key_conflict", "The key belongs to another pending message");
      return rejected({ conversation, key, kind, content }, error);
    }
    const kept = { conversation, key, kind, content: text, attempts: 0 };
    const entry = this.#add(kept, content, options.traceparent);
    this.#changed();
    return entry.sending;
  }

  up(): void {
    this.#heldUntil = 0;
    for (const lane of this.#lanes.values()) lane.heldUntil = 0;
    this.#changed();
  }

  /** The server took a message back, before or after its receipt. */
  refused(refusal: Refusal): void {
    const entry = this.#lanes.get(refusal.conversation)?.find(refusal.key);
    if (entry) this.#reject(entry, new TidegateError(refusal.code, "The message was refused"));
  }

  close(error: TidegateError): void {
    for (const entry of this.#entries()) this.#reject(entry, error);
  }

  #restore(kept: KeptSend): void {
    // A first try may have reached the server before the reload.
    const attempts = Math.max(1, kept.attempts);
    this.#add({ ...kept, attempts }, JSON.parse(kept.content) as object);
  }

  #add(kept: KeptSend, content: object, traceparent?: string): Entry {
    const { conversation, key, kind } = kept;
    const { promise, resolve, reject } = Promise.withResolvers<Receipt>();
    // A refusal is also reported by the client's `onRefused`; not listening here is no crash.
    promise.catch(() => {});
    const sending: Sending = { conversation, key, kind, content, receipt: promise };
    const bytes = utf8Bytes(kept.content);
    const order = this.#order++;
    const entry: Entry = { ...kept, order, bytes, sending, traceparent, resolve, reject };
    let lane = this.#lanes.get(conversation);
    if (!lane) this.#lanes.set(conversation, (lane = new Lane()));
    lane.add(entry);
    this.#messages++;
    this.#bytes += bytes;
    return entry;
  }

  #checkRoom(bytes: number): void {
    const { messagesMax, bytesMax } = this.#options;
    const facts = { retriable: true };
    if (this.#messages >= messagesMax) {
      const message = `Cannot queue another message: ${messagesMax} wait already`;
      throw new TidegateError("queue_full", message, { ...facts, limit: messagesMax });
    }
    if (this.#bytes + bytes > bytesMax) {
      const message = `Cannot queue another message: more than ${bytesMax} bytes would wait`;
      throw new TidegateError("queue_full", message, { ...facts, limit: bytesMax });
    }
  }

  #changed(): void {
    this.#options.store.changed(() => this.#entries());
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    const session = this.#options.session();
    const now = this.#options.clock.monotonic();
    if (!session || this.#heldUntil > now) return;
    const credit = Math.max(1, session.limits.credit - CREDIT_RESERVE);
    for (const lane of this.#lanes.values()) {
      if (lane.heldUntil > now) continue;
      while (this.#inFlight < credit) {
        const entry = lane.take();
        if (!entry) break;
        this.#transmit(session, lane, entry);
      }
    }
  }

  #transmit(session: Session, lane: Lane, entry: Entry): void {
    const { conversation, key, kind, content, traceparent } = entry;
    const attempt = entry.attempts + 1;
    const head = JSON.stringify({ conversation, key, attempt, type: kind, traceparent });
    const body = `${head.slice(0, -1)},"content":${content}}`;
    const limit = session.limits.content_bytes;
    if (entry.bytes > limit || utf8Bytes(body) + 64 > session.limits.frame_bytes) {
      const message = `The content has ${entry.bytes} bytes, ${limit} are allowed`;
      this.#reject(entry, new TidegateError("content_too_large", message, { limit }));
      return;
    }
    entry.attempts++;
    this.#inFlight++;
    session.request("send", body, (outcome) => {
      this.#inFlight--;
      if (lane.holds(entry)) this.#answered(lane, entry, outcome);
      this.#changed();
    });
  }

  #answered(lane: Lane, entry: Entry, outcome: Outcome<Receipt>): void {
    if (!outcome.error) {
      this.#forget(entry);
      entry.resolve(outcome.value);
      return;
    }
    const { error } = outcome;
    if (!error.retriable) return this.#reject(entry, error);
    lane.giveBack(entry);
    if (error.code !== "disconnected") this.#hold(lane, entry, error);
  }

  #hold(lane: Lane, entry: Entry, error: TidegateError): void {
    const { clock, random, backoff } = this.#options;
    const jitterMs = fullJitterMs(entry.attempts - 1, random.next(), backoff);
    const waitMs = Math.max(error.retryAfterMs ?? 0, jitterMs);
    const until = clock.monotonic() + waitMs;
    if (WIDE.has(error.code)) this.#heldUntil = Math.max(this.#heldUntil, until);
    else lane.heldUntil = Math.max(lane.heldUntil, until);
    // One timer for each refusal: they are at most as many as the credit.
    clock.after(waitMs + 1, () => this.#changed());
  }

  #reject(entry: Entry, error: TidegateError): void {
    this.#forget(entry);
    entry.reject(error);
  }

  #forget(entry: Entry): void {
    const lane = this.#lanes.get(entry.conversation);
    if (!lane?.remove(entry)) return;
    if (lane.empty) this.#lanes.delete(entry.conversation);
    this.#messages--;
    this.#bytes -= entry.bytes;
    this.#options.store.changed(() => this.#entries());
  }

  #entries(): readonly Entry[] {
    const entries = [...this.#lanes.values()].flatMap((lane) => lane.entries());
    return entries.sort((a, b) => a.order - b.order);
  }
}

function rejected(sending: Omit<Sending, "receipt">, error: TidegateError): Sending {
  const receipt = Promise.reject(error);
  // The same as for a message that is refused later.
  receipt.catch(() => {});
  return { ...sending, receipt };
}
