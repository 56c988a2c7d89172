import { AppError, asAppError } from "../../src/errors.ts";
import { eventScopeInput } from "../../src/wire/event-record.ts";
import { LineReader, type Piece } from "../../src/wire/line-reader.ts";
import type { Session } from "../session.ts";
import type { Hurdle } from "./hurdle.ts";
import { IngestLines } from "./lines.ts";
import { IngestOutcomes } from "./outcomes.ts";
import type { IngestParts } from "./parts.ts";
import type { ReceiptSink } from "./receipt-sink.ts";
import type { IngestReport } from "./report.ts";
import { IngestRoutes } from "./routes.ts";

/**
 * One body of events on its way into the log. It is read as long as there is room for what waits for
 * the log, and no further once an append has failed.
 */
export class IngestBody {
  readonly report: IngestReport;
  readonly #parts: IngestParts;
  readonly #session: Session;
  readonly #routes: IngestRoutes;
  readonly #outcomes: IngestOutcomes;
  readonly #lines: IngestLines;

  /** @param request what events without an id of their own are named after */
  constructor(parts: IngestParts, session: Session, request: string, receipts?: ReceiptSink) {
    const { limits, digest, gateway, source } = parts;
    const { tenant, user } = session.identity;
    const scope = digest.scope(eventScopeInput(tenant, user));
    this.#parts = parts;
    this.#session = session;
    this.#routes = new IngestRoutes(
      session,
      gateway.ingress,
      { tenant, user, source, scope },
      limits,
    );
    this.#outcomes = new IngestOutcomes(parts, request, receipts);
    this.#lines = new IngestLines(parts, session, request, this.#routes, this.#outcomes);
    this.report = this.#outcomes.report;
  }

  /** Receipts were read: the body may be read on. */
  wake(): void {
    this.#outcomes.room.wake();
  }

  /** Reads no further, even if that is being waited for. */
  stop(error: AppError): void {
    this.#outcomes.stop(error);
  }

  /** Reads a stream of lines to its end, or until something stops it. Never rejects. */
  async readLines(stream: ReadableStream<Uint8Array>): Promise<void> {
    const lines = new LineReader(this.#parts.limits.ingestLineBytesMax);
    const reader = stream.getReader();
    this.#outcomes.reader = reader;
    const pieces: Piece[] = [];
    try {
      for (let isOver = false; !isOver;) {
        const { done, value } = await reader.read().catch(throwBroken);
        if (this.report.stopped !== undefined) break;
        isOver = done;
        if (value === undefined) lines.end(pieces);
        else lines.push(value, pieces);
        for (const piece of pieces) {
          if (typeof piece === "string") await this.#feed(piece);
          else if (this.report.stopped === undefined) this.#lines.refuseUnread(piece);
        }
        pieces.length = 0;
        this.#outcomes.writer.flush();
        this.#checkSession();
      }
    } catch (thrown) {
      const error = asAppError(thrown);
      this.#parts.gateway.report(error);
      this.stop(error);
    }
    this.#outcomes.writer.flush();
    await this.#outcomes.settle();
  }

  /** Takes the lines of a body that was read already. */
  async takeLines(text: string): Promise<void> {
    await this.#feed(text);
    this.#outcomes.writer.flush();
    await this.#outcomes.settle();
  }

  async #feed(text: string): Promise<void> {
    let at = this.#lines.begin(text);
    while (at < text.length && this.report.stopped === undefined) {
      at = this.#lines.take(text, at);
      const hurdle = this.#lines.takeHurdle();
      if (hurdle === undefined) continue;
      this.#outcomes.writer.flush();
      await this.#overcome(hurdle);
    }
  }

  async #overcome(hurdle: Hurdle): Promise<void> {
    const { gateway, clock } = this.#parts;
    const { room } = this.#outcomes;
    switch (hurdle.kind) {
      case "turn":
        return new Promise((resolve) => clock.defer(resolve));
      case "room":
        while (this.report.stopped === undefined && room.isFull(2)) await room.change();
        return;
      case "gate":
        return new Promise((resolve) => {
          if (!gateway.appendGate.holds(resolve)) resolve();
        });
      case "fresh":
        await gateway.failover?.fresh();
        this.#lines.isFresh = true;
        return;
      case "later":
        this.#lines.waitedMs += hurdle.ms;
        return new Promise((resolve) => void clock.after(hurdle.ms, resolve));
      case "topic":
        return this.#openTopic(hurdle.type);
    }
  }

  async #openTopic(type: string): Promise<void> {
    const { gateway, topics } = this.#parts;
    try {
      this.#routes.open(type, await topics.open(type));
    } catch (thrown) {
      const error = asAppError(thrown);
      gateway.report(error);
      if (!error.retriable) this.#routes.refuse(type, error);
      else if (this.report.stopped === undefined) this.#lines.stopAtNext(error);
    }
  }

  /** What a socket would be closed for ends a body as well. */
  #checkSession(): void {
    const { clock, gateway, catalog } = this.#parts;
    const { expiresAt, tenant } = this.#session.identity;
    if (gateway.draining) this.stop(new AppError("draining"));
    else if (expiresAt !== undefined && clock.now() / 1_000 >= expiresAt)
      this.stop(new AppError("token_expired"));
    else if (!catalog.serves(tenant))
      this.stop(new AppError("forbidden", "the tenant is not served"));
  }
}

function throwBroken(cause: unknown): never {
  if (cause instanceof AppError) throw cause;
  throw new AppError("invalid_event", "body broke off", { field: "body", cause });
}
