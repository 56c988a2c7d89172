import { CLOSE_TABLE, type CloseReason } from "../src/close-codes.ts";
import type { AppError } from "../src/errors.ts";
import type { Limits } from "../src/limits.ts";
import { fullBucket, takeTokens, type Rate, type TokenBucket } from "../src/policy/token-bucket.ts";
import type { Clock } from "../src/ports/clock.ts";
import type { Socket } from "../src/ports/socket.ts";
import type { Line, Pong } from "../src/wire/read-line.ts";
import { encodeError } from "../src/wire/reply.ts";
import type { Flushable, Flusher } from "./flusher.ts";
import type { IntakeSource } from "./intake.ts";
import { Outbound } from "./outbound.ts";
import type { Reader, ReadingConnection } from "./reader.ts";
import type { Route } from "./route.ts";
import type { Session } from "./session.ts";

/** A subscription that has begun and has no place yet. */
export interface Opening {
  cancelled: boolean;
  /** Sends to the conversation that came behind it: else the reader could start after them. */
  readonly sends: (() => void)[];
}

/** What a connection needs of its gateway. */
export interface ConnectionHost {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly connectionRate: Rate;
  readonly flusher: Flusher<Connection>;
  countClose(reason: CloseReason): void;
}

/**
 * One client's socket: what it may do, what it reads, and what waits to be written to it. There may
 * be very many that do nothing, so what only busy ones need is made on first use.
 */
export class Connection implements ReadingConnection, IntakeSource, Flushable {
  readonly id: string;
  readonly openedAt: number;
  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  session: Session | undefined;
  /** Readers by conversation. */
  readers: Map<string, Reader> | undefined;
  /** Conversations whose subscription has begun. */
  opening: Map<string, Opening> | undefined;
  /** The last conversation that was sent to. */
  route: Route | undefined;
  /** The history that is being read; undefined while there is none. */
  pending: Promise<void> | undefined;
  closed = false;
  /** Lines that came while the token is being checked; undefined at all other times. */
  backlog: Exclude<Line, Pong>[] | undefined;
  /** Its place among the heartbeats. */
  slot = 0;
  missedHeartbeats = 0;
  #bucket: TokenBucket | undefined;
  #catching: Reader[] | undefined;
  /** Undefined while nothing waits. */
  #out: Outbound | undefined;
  #dirty = false;
  isHolding = false;
  #clogged = false;
  #cloggedAt = 0;
  #unanswered = 0;
  #waitingFrames = 0;
  #paused = false;
  #errors = 0;

  constructor(host: ConnectionHost, socket: Socket, id: string, openedAt: number) {
    this.#host = host;
    this.#socket = socket;
    this.id = id;
    this.openedAt = openedAt;
  }

  /** Whether the socket takes more now: nothing waits for it. */
  get roomy(): boolean {
    return !this.#clogged && this.#out === undefined && !this.closed;
  }

  /** Characters that wait to be written. */
  get waitingChars(): number {
    return this.#out?.chars ?? 0;
  }

  /** Whether the client cannot be expected to answer: its socket is full, or we stopped reading it. */
  get excused(): boolean {
    return this.#clogged || this.#paused;
  }

  /** Since when the socket has taken nothing; undefined when it takes data. */
  get cloggedSince(): number | undefined {
    return this.#clogged ? this.#cloggedAt : undefined;
  }

  /** Whether it has said something that waits to be taken in. */
  get isHeld(): boolean {
    return this.#waitingFrames > 0;
  }

  /** Takes one message's share of the connection's rate. @returns 0, or ms to wait */
  spend(now: number): number {
    const { connectionRate } = this.#host;
    this.#bucket ??= fullBucket(connectionRate, now);
    return takeTokens(this.#bucket, connectionRate, now);
  }

  /**
   * Queues live events. @returns false when too much waits: the reader is to be demoted. While the
   * socket takes data only what waits already counts, since one large batch would otherwise demote
   * every reader of its conversation, however fast.
   */
  push(text: string): boolean {
    const waiting = this.waitingChars + (this.#clogged ? text.length : 0);
    if (waiting > this.#host.limits.outboundQueueBytesMax) return this.closed;
    this.#write(text);
    return true;
  }

  /** Queues a page of catch-up, which was asked for while there was room. */
  pushPage(text: string): void {
    this.#write(text);
  }

  /** Queues a reply or a small push. */
  reply(line: string): void {
    this.#write(line);
  }

  /** A command begins that will be answered. Beyond the credit the socket is not read. */
  begin(): void {
    this.#unanswered++;
    if (this.#unanswered >= this.#host.limits.creditCommandsMax) this.#pause();
  }

  waits(): void {
    this.#waitingFrames++;
    this.#pause();
  }

  waited(): void {
    this.#waitingFrames--;
    this.#resumeIfPossible();
  }

  /** Answers a command that has begun. */
  answer(line: string): void {
    this.#write(line);
    this.#errors = 0;
    this.#answered();
  }

  /**
   * Answers a `send` that has begun with a receipt, see {@link Outbound.receipt}.
   *
   * @param isReader whether the message is going to be delivered here, too
   */
  receipt(
    command: number,
    key: string,
    idEnd: string,
    place: string,
    offset: number,
    isReader: boolean,
  ): void {
    if (!this.closed) {
      (this.#out ??= Outbound.open()).receipt(command, key, idEnd, place, offset);
      const mayHold = this.#host.flusher.mayHold();
      if (mayHold && isReader && !this.#clogged) this.#hold();
      else this.#waits();
    }
    this.#errors = 0;
    this.#answered();
  }

  /** Refuses a command that has begun. Too many in a row end the connection. */
  refuse(id: number, error: AppError): void {
    this.#write(encodeError(id, error));
    this.#answered();
    if (error.retriable) return;
    this.#errors++;
    if (this.#errors > this.#host.limits.invalidCommandsMax) this.close("too_many_errors");
  }

  /** Writes what is queued, then serves the readers that are catching up. */
  flush(): void {
    this.#dirty = false;
    this.isHolding = false;
    const out = this.#out;
    if (this.#clogged || this.closed || out === undefined) return;
    this.#out = undefined;
    const result = this.#socket.send(out.close());
    if (result > 0) {
      this.#pumpAll();
      return;
    }
    if (result < 0) {
      this.#clogged = true;
      this.#cloggedAt = this.#host.clock.monotonic();
      this.missedHeartbeats = 0;
      return;
    }
    // Sent only while the socket's buffer has room, so it must be gone; its end will be told.
    if (!this.closed) this.close("internal");
  }

  /** The socket's buffer is empty again. */
  drained(): void {
    if (this.closed) return;
    this.#clogged = false;
    this.missedHeartbeats = 0;
    this.flush();
    if (this.#clogged) return;
    this.#pumpAll();
    this.#resumeIfPossible();
  }

  catchUp(reader: Reader): void {
    (this.#catching ??= []).push(reader);
  }

  caughtUp(reader: Reader): void {
    const catching = this.#catching;
    if (catching === undefined) return;
    const at = catching.indexOf(reader);
    if (at >= 0) catching.splice(at, 1);
    if (catching.length === 0) this.#catching = undefined;
  }

  /** Sends what is queued and closes. The socket's own end calls the gateway's `closed`. */
  close(reason: CloseReason): void {
    if (this.closed) return;
    const out = this.#out;
    this.#out = undefined;
    if (!this.#clogged && out !== undefined) this.#socket.send(out.close());
    this.closed = true;
    const { code, reason: text } = CLOSE_TABLE[reason];
    this.#host.countClose(reason);
    this.#socket.close(code, text);
  }

  #write(text: string): void {
    if (this.closed) return;
    (this.#out ??= Outbound.open()).line(text);
    this.#waits();
  }

  /** Something waits to be written. */
  #waits(): void {
    if (!this.#dirty) {
      this.#dirty = true;
      this.#host.flusher.soon(this);
    }
    // Replies pile up only if the client goes on asking without reading.
    if (this.#clogged && this.waitingChars > this.#host.limits.outboundQueueBytesMax) this.#pause();
  }

  /** A receipt waits for its message's delivery, or for a few ms. */
  #hold(): void {
    if (this.#dirty || this.isHolding) return;
    this.isHolding = true;
    this.#host.flusher.later(this);
  }

  #answered(): void {
    this.#unanswered--;
    this.#resumeIfPossible();
  }

  #pause(): void {
    if (this.#paused || this.closed) return;
    this.#paused = true;
    this.#socket.pause();
  }

  #resumeIfPossible(): void {
    if (!this.#paused || this.#clogged || this.closed || this.#waitingFrames > 0) return;
    if (this.#unanswered > this.#host.limits.creditCommandsMax / 2) return;
    this.#paused = false;
    this.missedHeartbeats = 0;
    this.#socket.resume();
  }

  #pumpAll(): void {
    if (this.#catching === undefined) return;
    for (const reader of this.#catching.slice()) reader.conversation.pump(reader);
  }
}
