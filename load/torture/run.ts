import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "../native/socket.ts";
import { ServerProcess } from "../server.ts";
import { RunKey } from "../token.ts";
import { Book } from "./book.ts";
import { Chance } from "./chance.ts";
import { Crowd } from "./crowd.ts";

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

/** Every fifth kill comes before the server is ready: crashes in the middle of recovery. */
const EARLY_EVERY = 5;
const EARLY_MS_MAX = 400;

/** Kills the server again and again under load, and counts what became of every message. */
export class Torture {
  readonly book = new Book();
  readonly #options: TortureOptions;
  readonly #key = new RunKey();
  readonly #dataDir = mkdtempSync(join(tmpdir(), "tidegate-torture-"));
  readonly #target: { address: Address | undefined; readonly chance: Chance };
  readonly #crowd: Crowd;
  #server: ServerProcess | undefined;

  constructor(options: TortureOptions) {
    this.#options = options;
    this.#target = { address: undefined, chance: new Chance(options.seed) };
    this.#crowd = new Crowd({
      book: this.book,
      target: this.#target,
      key: this.#key,
      rate: options.rate,
      conversations: options.conversations,
      readersPerConversation: options.readersPerConversation,
    });
  }

  /** @returns everything that happened; the verdict is `book.isClean` */
  async run(): Promise<Book> {
    const { kills, lifeMs, log, rate, seed } = this.#options;
    log(`seed ${seed}, data in ${this.#dataDir}`);
    try {
      await this.#start();
      await this.#crowd.connect();
      const startedAt = performance.now();
      this.#crowd.start();
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
      this.#crowd.stop();
      log(
        `${Math.round(this.book.counts.acked / ((performance.now() - startedAt) / 1000))} acked/s of ${rate}`,
      );
      await this.#crowd.verify();
      return this.book;
    } finally {
      this.#crowd.close();
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
}
