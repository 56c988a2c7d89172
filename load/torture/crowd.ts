import type { RunKey } from "../token.ts";
import type { Book, Message } from "./book.ts";
import { sendInvalid } from "./invalid.ts";
import type { Target } from "./link.ts";
import { headOf, open } from "./probe.ts";
import { TortureReader } from "./reader.ts";
import { TortureSender } from "./sender.ts";
import { checkConversation, compareReader } from "./verdict.ts";

export interface CrowdOptions {
  readonly book: Book;
  readonly target: Target;
  readonly key: RunKey;
  /** New messages a second, of all senders together, while a server is up. */
  readonly rate: number;
  readonly conversations: number;
  /** What the conversations' names begin with; "torture" when absent. */
  readonly name?: string;
  readonly readersPerConversation: number;
  /** A sender drops its connection in one of so many ticks of 10 ms; never when absent. */
  readonly hopEvery?: number;
}

const TICK_MS = 10;
/** One in so many ticks also sends something again, another content, or cuts a reader off. */
const REPEAT_EVERY = 4;
const CONFLICT_EVERY = 40;
const DROP_EVERY = 30;
const SETTLE_TIMEOUT_MS = 60_000;

/** A sender and some readers for each conversation, which go on through every fault. */
export class Crowd {
  readonly #options: CrowdOptions;
  readonly #senders: TortureSender[] = [];
  readonly #readers: TortureReader[] = [];
  #timer: Timer | undefined;
  #tickedAt = 0;
  #due = 0;

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  /** Connects everyone; each conversation has its first message then. */
  async connect(): Promise<void> {
    const { book, target, key, conversations, readersPerConversation } = this.#options;
    const { name = "torture" } = this.#options;
    const token = await key.token("torture-setup");
    for (let i = 0; i < conversations; i++) {
      const conversation = `${name} ${i} – 東京 🌊`;
      const senderToken = await key.token(`sender-${i}`);
      const sender = new TortureSender(book, target, senderToken, conversation);
      this.#senders.push(sender);
      await this.#until(() => sender.isSettled, `sender ${i} to connect`);
      sender.write(1);
      await this.#until(() => sender.isSettled, `sender ${i}'s first receipt`);
      const epoch = await this.#epochOf(conversation, token);
      for (let reader = 0; reader < readersPerConversation; reader++) {
        const readerToken = await key.token(`reader-${i}-${reader}`);
        this.#readers.push(new TortureReader(book, target, readerToken, conversation, epoch));
      }
    }
  }

  /** Sends at the rate from now on. */
  start(): void {
    this.#tickedAt = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Sends nothing new from now on. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** Begins to measure pauses anew. */
  mark(): void {
    for (const client of [...this.#senders, ...this.#readers]) client.mark();
  }

  /** The longest time since {@link mark} that a reader got nothing, in ms. */
  get deliveryPauseMs(): number {
    return Math.max(...this.#readers.map((reader) => reader.pauseMs));
  }

  /** The longest time since {@link mark} that a command waited for its answer, in ms. */
  get answerMs(): number {
    return Math.max(...this.#senders.map((sender) => sender.answerMs));
  }

  /** Waits until every message has its receipt, then compares all that was read with what is there. */
  async verify(): Promise<void> {
    const { book, target, key } = this.#options;
    const token = await key.token("torture-setup");
    for (const sender of this.#senders) for (let i = 0; i < 3; i++) sender.repeat("conflict");
    await this.#until(
      () => this.#senders.every((sender) => sender.isSettled),
      () => `senders: ${this.#senders.map((sender) => sender.state).join("; ")}`,
    );
    const first = this.#senders[0]?.conversation ?? "";
    await sendInvalid(book, this.#address(), token, first);
    for (const { conversation, own } of this.#senders) {
      const { head, epoch } = await this.#placed(conversation, own, token);
      const fresh = new TortureReader(book, target, token, conversation, epoch);
      const all = this.#readers.filter((reader) => reader.conversation === conversation);
      await this.#until(
        () => [fresh, ...all].every((reader) => reader.order.length >= head),
        () =>
          `readers at ${[fresh, ...all].map((reader) => reader.order.length).join(", ")} of ${head}`,
      );
      fresh.close();
      all.forEach((reader, i) =>
        compareReader(book, fresh.order, reader.order, `reader ${i} of ${conversation}`),
      );
      checkConversation(book, fresh.order, own);
    }
  }

  close(): void {
    this.stop();
    for (const client of [...this.#senders, ...this.#readers]) client.close();
  }

  /** What is due comes from the time that passed, so that a late timer sends no less. */
  #tick(): void {
    const { rate, target } = this.#options;
    const now = performance.now();
    this.#due += ((now - this.#tickedAt) / 1000) * rate;
    this.#tickedAt = now;
    const count = this.#senders.length;
    const whole = Math.floor(this.#due);
    this.#due -= whole;
    const offset = target.chance.below(count);
    for (let i = 0; i < count; i++) {
      const sender = this.#senders[(i + offset) % count];
      sender?.write(Math.floor(whole / count) + (i < whole % count ? 1 : 0));
    }
    const { chance } = target;
    const { hopEvery } = this.#options;
    const some = <T>(all: readonly T[]): T | undefined => all[chance.below(all.length)];
    if (chance.below(REPEAT_EVERY) === 0) some(this.#senders)?.repeat("again");
    if (chance.below(CONFLICT_EVERY) === 0) some(this.#senders)?.repeat("conflict");
    if (chance.below(DROP_EVERY) === 0) some(this.#readers)?.drop();
    if (hopEvery !== undefined && chance.below(hopEvery) === 0) some(this.#senders)?.hop();
  }

  /** The head once it has a place for all that was acked: what is in an outbox comes later. */
  async #placed(
    conversation: string,
    own: readonly Message[],
    token: string,
  ): Promise<{ head: number; epoch: string }> {
    const acked = own.filter(({ ackedAt }) => ackedAt !== 0).length;
    const deadline = performance.now() + SETTLE_TIMEOUT_MS;
    for (;;) {
      const end = await this.#head(conversation, token);
      if (end.head >= acked || performance.now() > deadline) return end;
      await Bun.sleep(TICK_MS);
    }
  }

  async #epochOf(conversation: string, token: string): Promise<string> {
    for (;;) {
      const { head, epoch } = await this.#head(conversation, token);
      if (head > 0) return epoch;
      await Bun.sleep(TICK_MS);
    }
  }

  async #head(conversation: string, token: string): Promise<{ head: number; epoch: string }> {
    await using probe = await open(this.#address(), token);
    // Awaited here: the probe ends with this scope.
    return await headOf(probe, conversation);
  }

  #address() {
    const { address } = this.#options.target;
    if (!address) throw new Error("the server is not up");
    return address;
  }

  /** Waits for a condition; when it does not come, that is a fault of its own and the run goes on. */
  async #until(isTrue: () => boolean, what: string | (() => string)): Promise<void> {
    const deadline = performance.now() + SETTLE_TIMEOUT_MS;
    while (!isTrue()) {
      if (performance.now() > deadline) {
        const waited = typeof what === "string" ? what : what();
        this.#options.book.fault("unexpected", `waited in vain for ${waited}`);
        return;
      }
      await Bun.sleep(TICK_MS);
    }
  }
}
