import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServerProcess } from "../server.ts";
import { RunKey } from "../token.ts";
import { Book } from "./book.ts";
import { Chance } from "./chance.ts";
import { sendInvalid } from "./invalid.ts";
import type { Target } from "./link.ts";
import { headOf, open } from "./probe.ts";
import { TortureReader } from "./reader.ts";
import { TortureSender } from "./sender.ts";
import { checkConversation, compareReader } from "./verdict.ts";

export interface TortureOptions {
  readonly kills: number;
  /** New messages a second, of all senders together, while the server is up. */
  readonly rate: number;
  readonly conversations: number;
  readonly readersPerConversation: number;
  /** Bounds of the time from one start to the next kill. */
  readonly lifeMs: readonly [number, number];
  readonly seed: number;
  readonly program?: string | undefined;
  readonly log: (line: string) => void;
}

const TICK_MS = 10;
/** One in so many ticks also sends something again, another content, or cuts a reader off. */
const REPEAT_EVERY = 4;
const CONFLICT_EVERY = 40;
const DROP_EVERY = 30;
/** Every fifth kill comes before the server is ready: crashes in the middle of recovery. */
const EARLY_EVERY = 5;
const EARLY_MS_MAX = 400;
const SETTLE_TIMEOUT_MS = 60_000;

/** Kills the server again and again under load, and counts what became of every message. */
export class Torture {
  readonly book = new Book();
  readonly #options: TortureOptions;
  readonly #key = new RunKey();
  readonly #dataDir = mkdtempSync(join(tmpdir(), "tidegate-torture-"));
  readonly #target: Target;
  readonly #senders: TortureSender[] = [];
  readonly #readers: TortureReader[] = [];
  #server: ServerProcess | undefined;
  #ticks = 0;

  constructor(options: TortureOptions) {
    this.#options = options;
    this.#target = { address: undefined, chance: new Chance(options.seed) };
  }

  /** @returns everything that happened; the verdict is `book.isClean` */
  async run(): Promise<Book> {
    const { kills, lifeMs, log, rate, seed } = this.#options;
    log(`seed ${seed}, data in ${this.#dataDir}`);
    try {
      await this.#start();
      await this.#connect();
      const startedAt = performance.now();
      const timer = setInterval(() => this.#tick(), TICK_MS);
      for (let kill = 1; kill <= kills; kill++) {
        await Bun.sleep(this.#target.chance.between(...lifeMs));
        log(
          `kill ${kill} of ${kills}: ${this.book.counts.acked} of ${this.book.messages.length} acked`,
        );
        await this.#kill();
        if (kill % EARLY_EVERY === 0) await this.#killEarly();
        await this.#start();
      }
      await Bun.sleep(lifeMs[1]);
      clearInterval(timer);
      log(
        `${Math.round(this.book.counts.acked / ((performance.now() - startedAt) / 1000))} acked/s of ${rate}`,
      );
      await this.#verify();
      return this.book;
    } finally {
      for (const client of [...this.#senders, ...this.#readers]) client.close();
      await this.#server?.[Symbol.asyncDispose]();
      if (this.book.isClean) rmSync(this.#dataDir, { recursive: true, force: true });
    }
  }

  async #start(): Promise<void> {
    const server = this.#launch();
    await server.ready();
    this.#target.address = server.address;
  }

  #launch(): ServerProcess {
    this.#server = ServerProcess.launch({
      dataDir: this.#dataDir,
      key: this.#key,
      program: this.#options.program,
    });
    return this.#server;
  }

  async #kill(): Promise<void> {
    this.#target.address = undefined;
    await this.#server?.kill();
  }

  async #killEarly(): Promise<void> {
    const server = this.#launch();
    await Bun.sleep(this.#target.chance.between(0, EARLY_MS_MAX));
    await server.kill();
  }

  async #connect(): Promise<void> {
    const { conversations, readersPerConversation } = this.#options;
    const address = this.#server?.address;
    if (!address) throw new Error("the server is not up");
    const token = await this.#key.token("torture-setup");
    for (let i = 0; i < conversations; i++) {
      const conversation = `torture ${i} – 東京 🌊`;
      const sender = new TortureSender(
        this.book,
        this.#target,
        await this.#key.token(`sender-${i}`),
        conversation,
      );
      this.#senders.push(sender);
      await this.#until(() => sender.isSettled, `sender ${i} to connect`);
      sender.write(1);
      await this.#until(() => sender.isSettled, `sender ${i}'s first receipt`);
      const epoch = await this.#epochOf(conversation, token);
      for (let reader = 0; reader < readersPerConversation; reader++) {
        const readerToken = await this.#key.token(`reader-${i}-${reader}`);
        this.#readers.push(
          new TortureReader(this.book, this.#target, readerToken, conversation, epoch),
        );
      }
    }
  }

  #tick(): void {
    const { chance } = this.#target;
    this.#ticks++;
    const due = (this.#options.rate * TICK_MS) / 1000;
    this.#senders.forEach((sender, i) => {
      // Spread so that the sum is exact although one sender's share of a tick is no whole number.
      const share = due / this.#senders.length;
      const phase = i / this.#senders.length;
      sender.write(
        Math.floor(this.#ticks * share + phase) - Math.floor((this.#ticks - 1) * share + phase),
      );
    });
    const some = <T>(all: readonly T[]): T | undefined => all[chance.below(all.length)];
    if (chance.below(REPEAT_EVERY) === 0) some(this.#senders)?.repeat("again");
    if (chance.below(CONFLICT_EVERY) === 0) some(this.#senders)?.repeat("conflict");
    if (chance.below(DROP_EVERY) === 0) some(this.#readers)?.drop();
  }

  async #verify(): Promise<void> {
    const { book } = this;
    const address = this.#target.address;
    if (!address) throw new Error("the server is not up");
    const token = await this.#key.token("torture-setup");
    for (const sender of this.#senders) for (let i = 0; i < 3; i++) sender.repeat("conflict");
    await this.#until(
      () => this.#senders.every((sender) => sender.isSettled),
      () => `senders: ${this.#senders.map((sender) => sender.state).join("; ")}`,
    );
    const first = this.#senders[0]?.conversation ?? "";
    await sendInvalid(book, address, token, first);
    for (const { conversation, own } of this.#senders) {
      const { head, epoch } = await this.#head(conversation, token);
      const fresh = new TortureReader(book, this.#target, token, conversation, epoch);
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

  async #epochOf(conversation: string, token: string): Promise<string> {
    for (;;) {
      const { head, epoch } = await this.#head(conversation, token);
      if (head > 0) return epoch;
      await Bun.sleep(TICK_MS);
    }
  }

  async #head(conversation: string, token: string): Promise<{ head: number; epoch: string }> {
    const address = this.#target.address;
    if (!address) throw new Error("the server is not up");
    await using probe = await open(address, token);
    // Awaited here: the probe ends with this scope.
    return await headOf(probe, conversation);
  }

  /** Waits for a condition; when it does not come, that is a fault of its own and the run goes on. */
  async #until(isTrue: () => boolean, what: string | (() => string)): Promise<void> {
    const deadline = performance.now() + SETTLE_TIMEOUT_MS;
    while (!isTrue()) {
      if (performance.now() > deadline) {
        this.book.fault(
          "unexpected",
          `waited in vain for ${typeof what === "string" ? what : what()}`,
        );
        return;
      }
      await Bun.sleep(TICK_MS);
    }
  }
}
