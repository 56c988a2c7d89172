import type { ErrorBody } from "../../../src/wire/frame.ts";
import {
  readServerLine,
  type EventPush,
  type Push,
  type PushName,
  type ReplyBody,
  type ReplyName,
  type ServerLine,
} from "./protocol-lines.ts";

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** The error that answered a command. */
class Refused extends Error {
  readonly body: ErrorBody;

  constructor(verb: string, body: ErrorBody) {
    super(`${verb} was refused: ${body.code}: ${body.message}`);
    this.body = body;
  }
}

/** What carries lines: a WebSocket, or a bare TCP socket. */
export interface Wire {
  send(text: string): void;
  end(): void;
}

const DEADLINE_MS = 10_000;

interface Watcher {
  readonly what: string;
  readonly holds: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

/**
 * A client that does what it is told and keeps all that it hears, checked against the schemas. It
 * has no opinion: no retry, no order, no dropping of duplicates.
 */
export class ProtocolClient implements AsyncDisposable {
  /** Every line in the order of arrival, events included. */
  readonly lines: ServerLine[] = [];
  /** Text frames that came. */
  frames = 0;
  heartbeats = 0;
  answersHeartbeats = true;
  closed: Closed | undefined;
  readonly #wire: Wire;
  readonly #events = new Map<string, EventPush[]>();
  readonly #waiting = new Map<number, (line: ServerLine | Closed) => void>();
  #watchers: Watcher[] = [];
  #fault: Error | undefined;
  #nextId = 1;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** The events of a conversation in the order of arrival. */
  events(conversation: string): readonly EventPush[] {
    return this.#events.get(conversation) ?? [];
  }

  seqs(conversation: string): readonly number[] {
    return this.events(conversation).map((event) => event.seq);
  }

  /** The pushes of this name in the order of arrival. */
  pushes<N extends PushName>(name: N): readonly Push<N>[] {
    return this.lines.flatMap((line) =>
      line.kind === "push" && line.name === name ? [line.body as Push<N>] : [],
    );
  }

  /** Every error that came, those with id 0 included. */
  errors(): readonly { readonly id: number; readonly error: ErrorBody }[] {
    return this.lines.flatMap((line) => (line.kind === "error" ? [line] : []));
  }

  text(frame: string): void {
    this.#wire.send(frame);
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** A command's line, and the promise of its reply's body. */
  command<V extends ReplyName>(
    verb: V,
    body: object,
  ): { readonly line: string; readonly reply: Promise<ReplyBody<V>> } {
    const id = this.nextId();
    const reply = this.replyTo(id).then((line) => {
      if (line.kind === "error") throw new Refused(verb, line.error);
      if (line.kind !== "reply" || line.name !== verb) {
        throw new Error(`${verb} was answered by ${JSON.stringify(line)}`);
      }
      return line.body as ReplyBody<V>;
    });
    return { line: JSON.stringify({ id, [verb]: body }), reply: watched(reply) };
  }

  /** Sends a command. Rejects with {@link Refused} when it is, or when the socket closes first. */
  ask<V extends ReplyName>(verb: V, body: object): Promise<ReplyBody<V>> {
    const { line, reply } = this.command(verb, body);
    this.text(line);
    return reply;
  }

  /** Sends a command that has to be refused. */
  async refusal(verb: string, body: unknown): Promise<ErrorBody> {
    const id = this.nextId();
    const answer = this.replyTo(id);
    this.text(JSON.stringify({ id, [verb]: body }));
    const line = await answer;
    if (line.kind !== "error") throw new Error(`${verb} was not refused: ${JSON.stringify(line)}`);
    return line.error;
  }

  /** The reply or error with this id. Rejects when the socket closes first, or after a while. */
  replyTo(id: number): Promise<ServerLine> {
    return watched(
      new Promise((resolve, reject) => {
        const late = () => reject(new Error(`no reply to command ${id}`));
        const timer = setTimeout(late, DEADLINE_MS);
        this.#waiting.set(id, (answer) => {
          clearTimeout(timer);
          if ("kind" in answer) resolve(answer);
          else reject(new Error(`closed with ${answer.code} before the reply to command ${id}`));
        });
        if (this.closed !== undefined) this.#waiting.get(id)?.(this.closed);
      }),
    );
  }

  /** Resolves when the condition holds, which is looked at after every frame. */
  until(what: string, holds: () => boolean, deadlineMs = DEADLINE_MS): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`not within ${deadlineMs} ms: ${what}`));
      const timer = setTimeout(late, deadlineMs);
      this.#watchers.push({ what, holds, resolve, reject, timer });
      this.#look();
    });
  }

  /** Resolves with how the server closed the socket. */
  async end(deadlineMs = DEADLINE_MS): Promise<Closed> {
    await this.until("the socket is closed", () => this.closed !== undefined, deadlineMs);
    return this.closed as Closed;
  }

  /** Closes from this side. */
  async close(): Promise<void> {
    if (this.closed === undefined) this.#wire.end();
    await this.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** For the wire: a text frame came. */
  heard(frame: string): void {
    this.frames++;
    try {
      for (const text of frame.split("\n")) this.#take(readServerLine(text));
    } catch (error) {
      this.#fault ??= error instanceof Error ? error : new Error(String(error));
    }
    this.#look();
  }

  /** For the wire: the socket is gone. */
  ended(closed: Closed): void {
    if (this.closed !== undefined) return;
    this.closed = closed;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const answer of waiting) answer(closed);
    this.#look();
    for (const { what, reject, timer } of this.#watchers) {
      clearTimeout(timer);
      reject(new Error(`closed with ${closed.code} ${closed.reason} before: ${what}`));
    }
    this.#watchers = [];
  }

  #take(line: ServerLine): void {
    this.lines.push(line);
    if (line.kind === "heartbeat") {
      this.heartbeats++;
      if (this.answersHeartbeats) this.text("{}");
    } else if (line.kind === "event") {
      const { conversation } = line.push;
      const events = this.#events.get(conversation);
      if (events === undefined) this.#events.set(conversation, [line.push]);
      else events.push(line.push);
    } else if (line.kind !== "push") {
      const answer = this.#waiting.get(line.id);
      this.#waiting.delete(line.id);
      answer?.(line);
    }
  }

  #look(): void {
    this.#watchers = this.#watchers.filter((watcher) => {
      if (this.#fault !== undefined) watcher.reject(this.#fault);
      else if (!watcher.holds()) return true;
      else watcher.resolve();
      clearTimeout(watcher.timer);
      return false;
    });
  }
}

/** Whoever awaits it gets its rejection; that it may come before it is awaited is no fault. */
function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
