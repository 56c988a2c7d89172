import { AppError } from "../../src/errors.ts";
import type { ChatLine, ChatLineObserver } from "./chat-line.ts";
import { EventWriter, type BatchObserver, type EventBatch } from "./event-writer.ts";
import type { IngestParts } from "./parts.ts";
import type { ReceiptSink } from "./receipt-sink.ts";
import { IngestReport } from "./report.ts";
import { IngestRoom } from "./room.ts";

/**
 * What became of one body's lines, and what is on its way still. A line costs no promise and no
 * closure. Once an append has failed nothing more goes to the log: what comes later of a key must
 * not be kept before what failed.
 */
export class IngestOutcomes implements BatchObserver, ChatLineObserver {
  readonly report: IngestReport;
  readonly writer: EventWriter;
  readonly room: IngestRoom;
  /** What the body is read from. */
  reader: { cancel(): Promise<void> } | undefined;
  readonly #parts: IngestParts;
  readonly #receipts: ReceiptSink | undefined;

  constructor(parts: IngestParts, request: string, receipts: ReceiptSink | undefined) {
    const { limits, gateway, log, clock, budget } = parts;
    this.#parts = parts;
    this.#receipts = receipts;
    this.report = new IngestReport(request, gateway.durability);
    this.writer = new EventWriter(log, this);
    this.room = new IngestRoom({
      limits,
      clock,
      budget,
      isHeldUp: () => receipts?.isFull === true,
      giveUp: () => this.writer.giveUp(),
    });
  }

  /** Reads no further, even if that is being waited for. */
  stop(error: AppError): void {
    this.report.stopped ??= error;
    this.room.wake();
    // Whether the client hears that the rest is of no interest is of no interest either.
    this.reader?.cancel().catch(() => {});
  }

  refused(line: number, error: AppError): void {
    this.report.fault(line, error);
    this.#receipts?.refused(line, error);
    this.#parts.refused.value++;
  }

  /** Resolves when what was appended has its outcome. */
  async settle(): Promise<void> {
    while (!this.room.isEmpty) await this.room.change();
  }

  batchKept(batch: EventBatch, base: number): void {
    const { topic, partition, lines, records } = batch;
    const first = lines[0] as number;
    const last = lines.at(-1) as number;
    this.report.kept(topic, partition, base, lines.length, first, last);
    const { durability } = this.#parts.gateway;
    if (this.#receipts !== undefined)
      for (let i = 0; i < lines.length; i++) {
        const { value } = records[i] as EventBatch["records"][number];
        const line = lines[i] as number;
        const id = idOf(value);
        this.#receipts.kept({ line, id, topic, durability, partition, offset: base + i });
      }
    this.#parts.published.value += lines.length;
    this.room.give(lines.length, batch.chars);
  }

  batchFailed(batch: EventBatch, error: AppError): void {
    this.#parts.gateway.report(error);
    this.#failBatch(batch, error);
    this.#dropRest();
  }

  chatKept({ route, line, id, chars }: ChatLine, partition: number, offset: number): void {
    const { topic } = route;
    this.report.kept(topic, partition, offset, 1, line, line);
    const { durability } = this.#parts.gateway;
    this.#receipts?.kept({ line, id, topic, durability, partition, offset });
    this.room.give(1, chars);
  }

  chatInOutbox({ route, line, id, chars }: ChatLine): void {
    this.report.keptInOutbox(route.topic, line);
    this.#receipts?.keptInOutbox(line, id, route.topic);
    this.room.give(1, chars);
  }

  chatFailed({ line, chars }: ChatLine, error: AppError): void {
    this.#parts.gateway.report(error);
    this.refused(line, error);
    this.stop(error);
    this.room.give(1, chars);
    this.#dropRest();
  }

  #failBatch(batch: EventBatch, error: AppError): void {
    for (const line of batch.lines) this.refused(line, error);
    this.stop(error);
    this.room.give(batch.lines.length, batch.chars);
  }

  /** Refuses what was not on its way yet when something failed. */
  #dropRest(): void {
    const behind = new AppError("log_unavailable", "something of this body before it failed");
    for (const batch of this.writer.drop()) this.#failBatch(batch, behind);
  }
}

/** Of a record that `encodeEventRecord` made, whose value begins with it. */
function idOf(value: string): string {
  return value.slice(7, value.indexOf('"', 7));
}
