import type { AppError } from "../../errors.ts";
import { asAppError } from "../../errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { SegmentPlace } from "./log-messages.ts";
import type { LogCounters } from "./log-stats.ts";
import type { KeeperThread, WriterThread } from "./log-threads.ts";

const RETRY_MS = 1_000;
/** Room for the commit that fills the segment. */
const RESERVE_FACTOR = 1.125;

/**
 * Moves the writer from a full segment to the next one. The next one is made ahead of need and the
 * left one is sealed afterwards, both by the keeper, so that the writer only opens a file.
 */
export class LogRoller {
  private live: SegmentPlace;
  private spare: SegmentPlace | undefined;
  private busy: Promise<void> | undefined;
  private retryAt = 0;
  private begunAt: number;
  private readonly segmentBytesMax: number;
  private readonly clock: Clock;
  private readonly writer: WriterThread;
  private readonly keeper: KeeperThread;
  private readonly counters: LogCounters;
  private readonly failed: (what: string, error: AppError) => void;

  constructor(
    live: SegmentPlace,
    segmentBytesMax: number,
    clock: Clock,
    writer: WriterThread,
    keeper: KeeperThread,
    counters: LogCounters,
    failed: (what: string, error: AppError) => void,
  ) {
    this.live = live;
    this.segmentBytesMax = segmentBytesMax;
    this.clock = clock;
    this.writer = writer;
    this.keeper = keeper;
    this.counters = counters;
    this.failed = failed;
    this.begunAt = clock.monotonic();
  }

  /** Ms that the live segment has been written to by this process. */
  get ageMs(): number {
    return this.clock.monotonic() - this.begunAt;
  }

  /** To be told the live segment's size after each commit. */
  grown(walBytes: number): void {
    if (this.busy !== undefined || walBytes < this.segmentBytesMax / 2) return;
    if (this.clock.monotonic() < this.retryAt) return;
    if (this.spare === undefined) this.run("prepare a segment", () => this.prepare());
    else if (walBytes >= this.segmentBytesMax)
      this.run("change to a new segment", () => this.roll());
  }

  /** Changes to a new segment now, so that the live one can expire; for tests and retention. */
  async force(): Promise<void> {
    while (this.busy !== undefined) await this.busy;
    const step = this.change();
    // Held so that nothing else begins meanwhile; the fault itself goes to the caller below.
    this.busy = step
      .catch(() => undefined)
      .finally(() => {
        this.busy = undefined;
      });
    await step;
  }

  async settled(): Promise<void> {
    await this.busy;
  }

  private run(what: string, step: () => Promise<void>): void {
    this.busy = step()
      .catch((error: unknown) => {
        // The live segment just grows on; appends do not notice.
        this.retryAt = this.clock.monotonic() + RETRY_MS;
        this.failed(what, asAppError(error));
      })
      .finally(() => {
        this.busy = undefined;
      });
  }

  private async change(): Promise<void> {
    if (this.spare === undefined) await this.prepare();
    await this.roll();
  }

  private async prepare(): Promise<void> {
    this.spare = await this.keeper.call("prepare", {
      number: this.live.number + 1,
      reserveBytes: Math.ceil(this.segmentBytesMax * RESERVE_FACTOR),
    });
  }

  private async roll(): Promise<void> {
    const next = this.spare;
    if (next === undefined) return;
    await this.writer.ask({ kind: "roll", path: next.path });
    const left = this.live;
    this.live = next;
    this.spare = undefined;
    this.begunAt = this.clock.monotonic();
    this.counters.sealed(await this.keeper.call("seal", { number: left.number }));
  }
}
