import { AppError } from "../../src/errors.ts";
import { momentOf, type Moment } from "../../src/ports/clock.ts";
import type { SendCommand } from "../../src/wire/command.ts";
import { encodeEventRecord } from "../../src/wire/event-record.ts";
import { IngestScanner } from "../../src/wire/ingest-scanner.ts";
import type { Session } from "../session.ts";
import { ChatLine } from "./chat-line.ts";
import type { EventWriter } from "./event-writer.ts";
import { FRESH, GATE, ROOM, TURN, type Hurdle } from "./hurdle.ts";
import type { IngestOutcomes } from "./outcomes.ts";
import type { IngestParts } from "./parts.ts";
import type { IngestReport } from "./report.ts";
import type { IngestRoom } from "./room.ts";
import type { IngestRoutes } from "./routes.ts";

/** So much is dealt with in one turn of the event loop: a body must not hold up sockets. */
const TURN_CHARS = 256 * 1024;
/** Between two tries of a line that found no room in the log. */
const ROOM_RETRY_MS = 50;
const BYTE_ORDER_MARK = 0xfeff;

/** Takes one body's lines, one after the other, as far as they go without waiting. */
export class IngestLines {
  /** Whether all that was in the outbox before is known: chat lines need that. */
  isFresh = false;
  /** For the line at hand. */
  waitedMs = 0;
  readonly #parts: IngestParts;
  readonly #session: Session;
  readonly #request: string;
  readonly #routes: IngestRoutes;
  readonly #outcomes: IngestOutcomes;
  readonly #report: IngestReport;
  readonly #writer: EventWriter;
  readonly #room: IngestRoom;
  readonly #scanner: IngestScanner;
  #line = 0;
  /** Of the lines that are dealt with in one go. */
  #at: Moment = { now: 0, monotonic: 0 };
  /** Its decimal ms since 1970, of events that do not say when they happened. */
  #now = "";
  #hurdle: Hurdle | undefined;

  /** @param request what events without an id of their own are named after */
  constructor(
    parts: IngestParts,
    session: Session,
    request: string,
    routes: IngestRoutes,
    outcomes: IngestOutcomes,
  ) {
    this.#parts = parts;
    this.#session = session;
    this.#request = request;
    this.#routes = routes;
    this.#outcomes = outcomes;
    this.#report = outcomes.report;
    this.#writer = outcomes.writer;
    this.#room = outcomes.room;
    this.#scanner = new IngestScanner(parts.limits);
  }

  /** Where the first line of `text` begins, which is behind all that was taken. */
  begin(text: string): number {
    return this.#line === 0 && text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0;
  }

  /** Deals with lines until the text's end, a hurdle, or the stop. @returns where to go on */
  take(text: string, from: number): number {
    const { clock } = this.#parts;
    const scanner = this.#scanner;
    this.#at = momentOf(clock);
    this.#now = String(this.#at.now);
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
      if (this.#report.stopped !== undefined) return at;
      this.waitedMs = 0;
      this.#report.lines = this.#line;
      at = end + 1;
    }
    return at;
  }

  /** What the last {@link take} ended at, once. */
  takeHurdle(): Hurdle | undefined {
    const hurdle = this.#hurdle;
    this.#hurdle = undefined;
    return hurdle;
  }

  /** Refuses the next line, of which there is no text. */
  refuseUnread(error: AppError): void {
    this.#line++;
    this.#refuse(error);
    if (this.#report.stopped === undefined) this.#report.lines = this.#line;
  }

  /** Refuses the next line and reads no further. */
  stopAtNext(error: AppError): void {
    this.#line++;
    this.#stopAt(error);
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
    if (!this.isFresh) {
      this.#hurdle = FRESH;
      return false;
    }
    const route = this.#routes.chat(command.conversation);
    if (route instanceof AppError) return this.#refuse(route);
    const { ingress, appendGate } = this.#parts.gateway;
    // As what comes from sockets waits: a body would fill up what they find full then.
    if (appendGate.isClosed) {
      this.#hurdle = GATE;
      return false;
    }
    const id = ingress.idOf(route, command.key);
    const line = new ChatLine(this.#outcomes, route, id, this.#line, command.content.length);
    const refused = ingress.submit(route, id, command, line, this.#at);
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
    const wait = tenant.sends.take(this.#at.monotonic, tenant.rate);
    if (wait > 0) {
      const message = "the tenant sends too many events";
      const detail = { limit: tenant.rate.perSecond, retryAfterMs: wait };
      return this.#later(new AppError("rate_limited", message, detail));
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
    if (mayWait && this.waitedMs + ms <= ingestWaitMs) {
      this.#hurdle = { kind: "later", ms };
      return false;
    }
    this.#stopAt(error);
    return true;
  }

  /** Refuses the line at hand and reads no further. */
  #stopAt(error: AppError): void {
    this.#parts.gateway.ingress.countRefused(this.#session.tenant, error);
    this.#outcomes.refused(this.#line, error);
    this.#report.lines = this.#line;
    this.#outcomes.stop(error);
  }

  /** Refuses the line at hand for what it is; one too many of them stops the reading before it. */
  #refuse(error: AppError): true {
    const { ingestFaultsMax: limit } = this.#parts.limits;
    if (this.#report.refused < limit) this.#outcomes.refused(this.#line, error);
    else this.#outcomes.stop(new AppError("too_many_faults", undefined, { limit }));
    return true;
  }
}
