import { AppError, asAppError } from "../errors.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { ConsumerHandler, RecordBatch } from "../ports/event-log.ts";
import { piecesOf } from "./pieces.ts";
import type { GroupOptions, Lagging } from "./source.ts";

const RETRY_MS = 200;
/** Pages that are read at once by who is further behind than that; they are handed on one by one. */
const FAR_PAGES = 2;

/**
 * One owned partition's way to its handler. At the log's end it hands on what was just made durable
 * (the same objects, no read); paused or behind, it reads pages until it is at the end again. It is
 * at the end exactly when `next` equals the log's end, so no record falls between the two ways.
 */
export class PartitionFeed implements Lagging {
  next = 0;
  private state: "idle" | "running" | "stopped" = "idle";
  private paused = false;
  private reading = false;
  private retry: Timer | undefined;
  private readonly topic: string;
  private readonly partition: number;
  private readonly handler: ConsumerHandler;
  private readonly clock: Clock;
  private readonly options: GroupOptions;

  constructor(
    topic: string,
    partition: number,
    handler: ConsumerHandler,
    clock: Clock,
    options: GroupOptions,
  ) {
    this.topic = topic;
    this.partition = partition;
    this.handler = handler;
    this.clock = clock;
    this.options = options;
  }

  get behind(): number {
    const { source } = this.options;
    if (this.state !== "running" || source.topic(this.topic) === undefined) return 0;
    return source.bounds(this.topic, this.partition).end - this.next;
  }

  /** Begins to deliver from `offset` on. */
  start(offset: number): void {
    if (this.state !== "idle") return;
    this.state = "running";
    this.next = offset;
    this.catchUp();
  }

  /** No record comes after this call. */
  stop(): void {
    this.state = "stopped";
    this.retry?.cancel();
    this.retry = undefined;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.catchUp();
  }

  /** Records became durable at the log's end; called in offset order. */
  appended(batch: RecordBatch): void {
    if (this.state !== "running") return;
    if (this.paused || this.reading) {
      this.options.lagging?.add(this);
      return;
    }
    if (batch.offsets[0] === this.next) this.deliver(batch);
    else this.catchUp();
  }

  private catchUp(): void {
    if (this.state !== "running" || this.paused || this.reading || this.retry) return;
    const { source } = this.options;
    if (source.topic(this.topic) === undefined) return;
    if (this.next === source.bounds(this.topic, this.partition).end) return;
    this.reading = true;
    this.options.lagging?.add(this);
    void this.readPages();
  }

  /**
   * The page behind the one at hand is on its way while that is delivered, and pages are larger for
   * who is far behind: an answer comes once a turn of the event loop, and senders, who wait for the
   * log alone, would stay ahead of one page a turn.
   */
  private async readPages(): Promise<void> {
    const { source, pageRecordsMax } = this.options;
    const end = () => source.bounds(this.topic, this.partition).end;
    const read = (from: number) => {
      const most = pageRecordsMax * (end() - from > FAR_PAGES * pageRecordsMax ? FAR_PAGES : 1);
      return { from, page: source.read(this.topic, this.partition, from, most) };
    };
    let ahead: { readonly from: number; readonly page: Promise<RecordBatch> } | undefined;
    try {
      while (this.state === "running" && !this.paused) {
        if (this.next === end()) break;
        const page = await (ahead?.from === this.next ? ahead : read(this.next)).page;
        ahead = undefined;
        // A page that arrives after a pause is read again later: holding it would need a bound.
        if (this.state !== "running" || this.paused) break;
        if (page.records.length > 0) {
          if (source.topic(this.topic) !== undefined && page.nextOffset < end()) {
            ahead = read(page.nextOffset);
            // Told when it is its turn; nobody waits for it after a pause.
            ahead.page.catch(() => {});
          }
          await this.deliverPage(page);
        } else if (page.nextOffset > this.next) this.next = page.nextOffset;
        else
          throw new AppError(
            "log_corrupt",
            `${this.topic}/${this.partition}: no record at ${this.next}`,
          );
      }
      this.reading = false;
    } catch (error) {
      this.reading = false;
      this.failed(asAppError(error));
    }
    // A pause may have been lifted while the last page was on its way.
    this.catchUp();
  }

  /** Lets others have the thread after each page, except at the end, where a pause would cost the seam. */
  private async deliverPage(page: RecordBatch): Promise<void> {
    const { source, pageRecordsMax } = this.options;
    for (const piece of piecesOf(page, pageRecordsMax)) {
      if (this.state !== "running" || this.paused) return;
      this.deliver(piece);
    }
    if (source.topic(this.topic) === undefined) return;
    if (this.next !== source.bounds(this.topic, this.partition).end)
      await new Promise<void>((resolve) => this.clock.defer(resolve));
  }

  private failed(error: AppError): void {
    if (this.state !== "running") return;
    if (error.retriable && error.code !== "internal") {
      this.retry = this.clock.after(RETRY_MS, () => {
        this.retry = undefined;
        this.catchUp();
      });
      return;
    }
    this.stop();
    this.handler.failed(this.topic, this.partition, error);
  }

  private deliver(batch: RecordBatch): void {
    this.next = batch.nextOffset;
    try {
      this.handler.records(batch);
    } catch (error) {
      this.failed(new AppError("internal", "the handler threw", { cause: error }));
    }
  }
}
