import { AppError } from "../../errors.ts";
import { packedBatch } from "../../kafka/packed-batch.ts";
import { BatchReader, CorruptBatchError } from "../../kafka/record-batch.ts";
import { topicIdOf } from "../../kafka/topic-id.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ConsumerHandler, TopicInfo } from "../../ports/event-log.ts";
import { batchCodec } from "./codec.ts";
import type { FetchedPartition } from "./fetch.ts";

export interface OwnedPartitionOptions {
  readonly topic: TopicInfo;
  readonly partition: number;
  readonly handler: ConsumerHandler;
  readonly clock: Clock;
  readonly pageRecordsMax: number;
  /** It may be fetched again. */
  readonly readable: () => void;
}

/**
 * One partition of this member, from `assigned` to `revoked` or `lost`. Calls to the handler follow
 * each other; `turn` rises whenever what is on its way has become worthless.
 */
export class OwnedPartition {
  readonly topic: TopicInfo;
  /** In hexadecimal digits, as it is fetched by. */
  readonly topicId: string;
  readonly partition: number;
  turn = 0;
  /** Where to read on from, once it is known. */
  next = 0;
  /** A fetch for it is on its way. */
  fetching = false;
  /** Monotonic ms before which it is not fetched again. */
  retryAt = 0;
  readonly #options: OwnedPartitionOptions;
  #state: "assigning" | "reading" | "silent" | "revoking" | "gone" = "assigning";
  #paused = false;
  /** Fetched and not handed on yet. */
  #pages: BatchReader | undefined;
  #draining = false;
  #calls: Promise<void> = Promise.resolve();
  #calling = false;
  /** The handler knows of it. */
  #told = false;

  constructor(options: OwnedPartitionOptions) {
    this.#options = options;
    this.topic = options.topic;
    this.topicId = topicIdOf(options.topic.incarnation);
    this.partition = options.partition;
  }

  get held(): boolean {
    return this.#state !== "gone";
  }

  /** Held, and not about to be let go. */
  get kept(): boolean {
    return this.held && this.#state !== "revoking";
  }

  get fetchable(): boolean {
    const idle = this.#pages === undefined && !this.fetching && !this.#paused;
    return idle && this.#state === "reading";
  }

  /** Asks the handler where to start, and reads from there. */
  start(): void {
    const turn = this.#begin("assigning");
    this.#queue(async () => {
      if (turn !== this.turn) return;
      this.#told = true;
      const { handler } = this.#options;
      try {
        const offset = await handler.assigned(this.topic, this.partition);
        if (turn !== this.turn) return;
        this.next = offset;
        this.#state = "reading";
        this.#options.readable();
      } catch (error) {
        if (turn === this.turn) this.#state = "silent";
        this.#tell(error);
      }
    });
  }

  restart(): void {
    if (!this.kept) return;
    // Whoever paused is not there any more.
    this.#paused = false;
    this.start();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#pages === undefined) this.#options.readable();
    else void this.#drain();
  }

  /** What was fetched from `next` on. */
  offer({ bytes, aborted }: FetchedPartition): void {
    this.#pages = new BatchReader(bytes, this.next, aborted, batchCodec);
    void this.#drain();
  }

  /** Nothing more comes, until `restart`. */
  fail(error: AppError): void {
    if (this.#state !== "reading") return;
    this.#begin("silent");
    this.#tell(error);
  }

  /** Resolves when the handler has let go. */
  revoke(): Promise<void> {
    if (!this.kept) return this.#calls;
    const turn = this.#begin("revoking");
    this.#queue(async () => {
      if (turn !== this.turn) return;
      try {
        if (this.#told) await this.#options.handler.revoked(this.topic.name, this.partition);
      } catch (error) {
        this.#tell(error);
      }
      if (turn === this.turn) this.#state = "gone";
    });
    return this.#calls;
  }

  /** It is another's, or nobody's, already. */
  lose(): void {
    if (!this.held) return;
    this.#begin("gone");
    const lost = () => {
      if (this.#told) this.#options.handler.lost(this.topic.name, this.partition);
    };
    // Calls for one partition never overlap: a pending one ends first.
    if (this.#calling) this.#queue(() => Promise.resolve(lost()));
    else lost();
  }

  /** @returns the new turn */
  #begin(state: "assigning" | "silent" | "revoking" | "gone"): number {
    this.#state = state;
    this.#pages = undefined;
    return ++this.turn;
  }

  #queue(call: () => Promise<void>): void {
    this.#calls = this.#calls.then(async () => {
      this.#calling = true;
      await call();
      this.#calling = false;
    });
  }

  async #drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    // Others have the thread between two pages.
    while (this.#deliverPage())
      await new Promise<void>((resolve) => this.#options.clock.defer(resolve));
    this.#draining = false;
    if (this.fetchable) this.#options.readable();
  }

  /** @returns whether there is another page to deliver now */
  #deliverPage(): boolean {
    const pages = this.#pages;
    if (pages === undefined || this.#paused || this.#state !== "reading") return false;
    try {
      const records = pages.takePacked(this.#options.pageRecordsMax);
      this.next = pages.next;
      if (pages.done) this.#pages = undefined;
      if (records.length > 0) {
        const { topic, partition, next } = this;
        this.#options.handler.records(packedBatch(topic.name, partition, records, next));
      }
    } catch (error) {
      this.fail(readFault(error));
      return false;
    }
    return this.#pages !== undefined;
  }

  #tell(error: unknown): void {
    const fault = error instanceof Error ? error : new Error(String(error));
    this.#options.handler.failed(this.topic.name, this.partition, fault);
  }
}

function readFault(error: unknown): AppError {
  return error instanceof CorruptBatchError
    ? new AppError("log_corrupt", error.message, { cause: error })
    : new AppError("internal", "the handler threw", { cause: error });
}
