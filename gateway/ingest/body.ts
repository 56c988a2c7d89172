import { AppError, asAppError } from "../../src/errors.ts";
import type { SendCommand } from "../../src/wire/command.ts";
import { encodeEventRecord, eventScopeInput } from "../../src/wire/event-record.ts";
import { IngestScanner } from "../../src/wire/ingest-scanner.ts";
import { LineReader, type Piece } from "../../src/wire/line-reader.ts";
import type { Session } from "../session.ts";
import { ChatLine, type ChatLineObserver } from "./chat-line.ts";
import { EventWriter, type BatchObserver, type EventBatch } from "./event-writer.ts";
import type { IngestParts } from "./parts.ts";
import type { ReceiptSink } from "./receipt-sink.ts";
import { IngestReport } from "./report.ts";
import { IngestRoom } from "./room.ts";
import { IngestRoutes } from "./routes.ts";

/** So much is dealt with in one turn of the event loop: a body must not hold up sockets. */
const TURN_CHARS = 256 * 1024;
/** Between two tries of a line that found no room in the log. */
const ROOM_RETRY_MS = 50;
const BYTE_ORDER_MARK = 0xfeff;

/** What has to be over before the line at hand can go on. */
type Hurdle =
  | { readonly kind: "turn" | "room" | "fresh" }
  | { readonly kind: "topic"; readonly type: string }
  | { readonly kind: "later"; readonly ms: number };

const TURN: Hurdle = { kind: "turn" };
const ROOM: Hurdle = { kind: "room" };
const FRESH: Hurdle = { kind: "fresh" };

/**
 * One body of events on its way into the log. It is read as long as there is room for what waits for
 * the log, and no further once an append has failed: what comes later of a key must not be kept
 * before what failed. A line costs no promise and no closure.
 */
export class IngestBody implements BatchObserver, ChatLineObserver {
  readonly report: IngestReport;
  readonly #parts: IngestParts;
  readonly #session: Session;
  readonly #receipts: ReceiptSink | undefined;
  readonly #routes: IngestRoutes;
  readonly #writer: EventWriter;
  readonly #room: IngestRoom;
  readonly #request: string;
  readonly #scanner: IngestScanner;
  #line = 0;
  /** Of the lines that are dealt with in one go. */
  #monotonic = 0;
  /** Decimal ms since 1970, of events that do not say when they happened. */
  #now = "";
  #hurdle: Hurdle | undefined;
  /** Whether all that was in the outbox before is known: chat lines need that. */
  #fresh = false;
  /** For the line at hand. */
  #waitedMs = 0;
  #reader: { cancel(): Promise<void> } | undefined;

  /** @param request what events without an id of their own are named after */
  constructor(parts: IngestParts, session: Session, request: string, receipts?: ReceiptSink) {
    const { limits, gateway, log, clock, budget, digest, source } = parts;
    const { tenant, user } = session.identity;
    this.#parts = parts;
    this.#session = session;
    this.#request = request;
    this.#receipts = receipts;
    this.report = new IngestReport(request, gateway.durability);
    const scope = digest.scope(eventScopeInput(tenant, user));
    const origin = { tenant, user, source, scope };
    this.#routes = new IngestRoutes(session, parts.known, origin, limits);
    this.#writer = new EventWriter(log, this);
    this.#room = new IngestRoom({
      limits,
      clock,
      budget,
      isHeldUp: () => receipts?.isFull === true,
      giveUp: () => this.#writer.giveUp(),
    });
    this.#scanner = new IngestScanner(limits);
  }

  /** Receipts were read: the body may be read on. */
  wake(): void {
    this.#room.wake();
  }

  /** Reads no further, even if that is being waited for. */
  stop(error: AppError): void {
    this.report.stopped ??= error;
    this.wake();
    // Whether the client hears that the rest is of no interest is of no interest either.
    this.#reader?.cancel().catch(() => {});
  }

  /** Reads a stream of lines to its end, or until something stops it. Never rejects. */
  async readLines(stream: ReadableStream<Uint8Array>): Promise<void> {
    const lines = new LineReader(this.#parts.limits.ingestLineBytesMax);
    const reader = stream.getReader();
    this.#reader = reader;
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
          else if (this.report.stopped === undefined) this.#refuseUnread(piece);
        }
        pieces.length = 0;
        this.#writer.flush();
        this.#checkSession();
      }
    } catch (thrown) {
      const error = asAppError(thrown);
      this.#parts.gateway.report(error);
      this.stop(error);
    }
    this.#writer.flush();
    await this.#settle();
  }

  /** Takes the lines of a body that was read already. */
  async takeLines(text: string): Promise<void> {
    await this.#feed(text);
    this.#writer.flush();
    await this.#settle();
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
    this.#room.give(lines.length, batch.chars);
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
    this.#room.give(1, chars);
  }

  chatInOutbox({ route, line, id, chars }: ChatLine): void {
    this.report.keptInOutbox(route.topic, line);
    this.#receipts?.keptInOutbox(line, id, route.topic);
    this.#room.give(1, chars);
  }

  chatFailed({ line, chars }: ChatLine, error: AppError): void {
    this.#parts.gateway.report(error);
    this.#tellFault(line, error);
    this.stop(error);
    this.#room.give(1, chars);
    this.#dropRest();
  }

  async #feed(text: string): Promise<void> {
    let at = this.#line === 0 && text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0;
    while (at < text.length && this.report.stopped === undefined) {
      this.#now = String(this.#parts.clock.now());
      this.#monotonic = this.#parts.clock.monotonic();
      at = this.#take(text, at);
      const hurdle = this.#hurdle;
      if (hurdle === undefined) continue;
      this.#hurdle = undefined;
      this.#writer.flush();
      await this.#overcome(hurdle);
    }
  }

  /** Deals with lines until the text's end, a hurdle, or the stop. @returns where to go on */
  #take(text: string, from: number): number {
    const scanner = this.#scanner;
    let at = from;
    while (at < text.length) {
      if (at - from >= TURN_CHARS || this.#room.isFull(1)) {
        this.#hurdle = this.#room.isFull(1) ? ROOM : TURN;
        return at;
      }
      const end = scanner.scan(text, at);
      this.#line++;
      if (!this.#deal(scanner)) {
        this.#line--;
        return at;
      }
      if (this.report.stopped !== undefined) return at;
      this.#waitedMs = 0;
      this.report.lines = this.#line;
      at = end + 1;
    }
    return at;
  }

  /** @returns false at a hurdle: the line is to be dealt with again */
  #deal(scanner: IngestScanner): boolean {
    switch (scanner.kind) {
      case "publish":
        return this.#publish();
      case "send":
        return this.#send(scanner.command as Omit<SendCommand, "verb" | "id">);
      case "fault":
        return this.#refuse(scanner.fault);
      case "blank":
        return true;
    }
  }

  #send(command: Omit<SendCommand, "verb" | "id">): boolean {
    if (!this.#fresh) {
      this.#hurdle = FRESH;
      return false;
    }
    const route = this.#routes.chat(command.conversation);
    if (route instanceof AppError) return this.#refuse(route);
    const { gateway } = this.#parts;
    const id = gateway.ingress.idOf(route, command.key);
    const line = new ChatLine(this, route, id, this.#line, command.content.length);
    const refused = gateway.ingress.submit(route, id, command, line);
    if (refused !== undefined) return this.#later(refused);
    this.#room.take(line.chars);
    return true;
  }

  #publish(): boolean {
    const { event } = this.#scanner;
    const route = this.#routes.event(event.type) ?? this.#openRoute(event.type);
    if (route === undefined) return false;
    if (route instanceof AppError) return this.#refuse(route);
    // The route's own, which the next line's is then compared with.
    event.type = route.type;
    const { tenant } = this.#session;
    const wait = tenant.sends.take(this.#monotonic, tenant.rate);
    if (wait > 0) {
      const message = "the tenant sends too many events";
      return this.#later(new AppError("rate_limited", message, { retryAfterMs: wait }));
    }
    const { template, target } = route;
    const id = event.id === "" ? `${this.#request}-${this.#line}` : event.id;
    const key = template.keyPrefix + (event.key === "" ? id : event.key);
    const timestamp = event.timestamp === "" ? this.#now : event.timestamp;
    const record = encodeEventRecord(template, key, id, timestamp, event.payload);
    this.#writer.put(target, record, this.#line);
    this.#room.take(record.value.length);
    return true;
  }

  /** @returns undefined at a hurdle: the type's topic is to be opened first */
  #openRoute(type: string): ReturnType<IngestRoutes["event"]> {
    const topic = this.#parts.topics.get(type);
    if (topic !== undefined) return this.#routes.open(type, topic);
    this.#hurdle = { kind: "topic", type };
    return undefined;
  }

  /** Waits for a rate or for room, and gives up when that takes too long. */
  #later(error: AppError): boolean {
    const { ingestWaitMs } = this.#parts.limits;
    const mayWait = error.code === "rate_limited" || error.code === "overloaded";
    const ms = error.code === "overloaded" ? ROOM_RETRY_MS : (error.retryAfterMs ?? 1);
    if (mayWait && this.#waitedMs + ms <= ingestWaitMs) {
      this.#hurdle = { kind: "later", ms };
      return false;
    }
    this.#stopAt(error);
    return true;
  }

  async #overcome(hurdle: Hurdle): Promise<void> {
    const { gateway, clock, topics } = this.#parts;
    switch (hurdle.kind) {
      case "turn":
        return new Promise((resolve) => clock.defer(resolve));
      case "room":
        while (this.report.stopped === undefined && this.#room.isFull(2)) await this.#room.change();
        return;
      case "fresh":
        await gateway.failover?.fresh();
        this.#fresh = true;
        return;
      case "later":
        this.#waitedMs += hurdle.ms;
        return new Promise((resolve) => void clock.after(hurdle.ms, resolve));
      case "topic":
        try {
          this.#routes.open(hurdle.type, await topics.open(hurdle.type));
        } catch (thrown) {
          const error = asAppError(thrown);
          gateway.report(error);
          if (!error.retriable) this.#routes.refuse(hurdle.type, error);
          else if (this.report.stopped === undefined) {
            this.#line++;
            this.#stopAt(error);
          }
        }
    }
  }

  /** Refuses the line at hand and reads no further. */
  #stopAt(error: AppError): void {
    this.#tellFault(this.#line, error);
    this.report.lines = this.#line;
    this.stop(error);
  }

  #refuseUnread(error: AppError): void {
    this.#line++;
    this.#refuse(error);
    if (this.report.stopped === undefined) this.report.lines = this.#line;
  }

  /** Refuses the line at hand for what it is; one too many of them stops the reading before it. */
  #refuse(error: AppError): true {
    const { ingestFaultsMax } = this.#parts.limits;
    if (this.report.refused < ingestFaultsMax) this.#tellFault(this.#line, error);
    else this.stop(new AppError("too_many_faults", undefined, { limit: ingestFaultsMax }));
    return true;
  }

  #tellFault(line: number, error: AppError): void {
    this.report.fault(line, error);
    this.#receipts?.refused(line, error);
    this.#parts.refused.value++;
  }

  #failBatch(batch: EventBatch, error: AppError): void {
    for (const line of batch.lines) this.#tellFault(line, error);
    this.stop(error);
    this.#room.give(batch.lines.length, batch.chars);
  }

  /** Refuses what was not on its way yet when something failed. */
  #dropRest(): void {
    const behind = new AppError("log_unavailable", "something of this body before it failed");
    for (const batch of this.#writer.drop()) this.#failBatch(batch, behind);
  }

  /** Resolves when what was appended has its outcome. */
  async #settle(): Promise<void> {
    while (!this.#room.isEmpty) await this.#room.change();
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
  throw new AppError("invalid_event", "the body broke off", { cause });
}

/** Of a record that `encodeEventRecord` made, whose value begins with it. */
function idOf(value: string): string {
  return value.slice(7, value.indexOf('"', 7));
}
