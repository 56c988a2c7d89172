import type { Verb } from "../wire/command.ts";
import type {
  ConnectReply,
  ErrorBody,
  HistoryReply,
  Receipt,
  SubscribeReply,
} from "../wire/frame.ts";
import { errorFromBody, TidegateError } from "./errors.ts";
import { LineWriter } from "./line-writer.ts";
import type { ClientClock, ClientTimer } from "./platform.ts";
import type { Push } from "./push.ts";
import type { Transport, TransportSocket } from "./transport.ts";

const PROTOCOL = "tidegate.v1";

interface Replies {
  connect: ConnectReply;
  refresh: { readonly expires_at?: number };
  subscribe: SubscribeReply;
  unsubscribe: object;
  send: Receipt;
  history: HistoryReply;
}

export type Outcome<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly value?: undefined; readonly error: TidegateError };

/** How a socket ended. `error` is the answer to `connect`, when it was refused. */
export interface SessionEnd {
  readonly code: number;
  readonly reason: string;
  readonly error?: TidegateError | undefined;
}

export interface SessionHandlers {
  opened(reply: ConnectReply): void;
  /** @param size characters of the line */
  push(push: Push, size: number): void;
  ended(end: SessionEnd): void;
}

export interface SessionOptions {
  readonly url: string;
  readonly token: string;
  readonly client: string | undefined;
  readonly transport: Transport;
  readonly clock: ClientClock;
  readonly connectTimeoutMs: number;
}

type ServerLine = { readonly id?: number; readonly push?: Push; readonly error?: ErrorBody } & {
  readonly [K in Verb]?: Replies[K];
};

const ABNORMAL = 1006;

function lost(): TidegateError {
  return new TidegateError("disconnected", "The connection was lost", { retriable: true });
}

/** One socket from its opening to its end: commands and replies, pushes, heartbeats. */
export class Session {
  readonly #clock: ClientClock;
  readonly #handlers: SessionHandlers;
  readonly #socket: TransportSocket;
  readonly #writer: LineWriter;
  readonly #waiting = new Map<number, { verb: Verb; done: (outcome: Outcome<never>) => void }>();
  #nextId = 1;
  #limits: ConnectReply["limits"] | undefined;
  #refused: TidegateError | undefined;
  #over = false;
  #heardAt = 0;
  #silenceMs: number;
  #timer: ClientTimer;

  constructor(options: SessionOptions, handlers: SessionHandlers) {
    this.#clock = options.clock;
    this.#handlers = handlers;
    this.#silenceMs = options.connectTimeoutMs;
    this.#heardAt = this.#clock.monotonic();
    this.#timer = this.#clock.after(this.#silenceMs, () => this.#checkSilence());
    this.#socket = options.transport(options.url, PROTOCOL, {
      open: () => {
        const body = { token: options.token, client: options.client };
        if (!this.#over) this.request("connect", body, (outcome) => this.#connected(outcome));
      },
      message: (text) => this.#receive(text),
      close: (code, reason) => this.#end({ code, reason, error: this.#refused }),
    });
    this.#writer = new LineWriter((frame) => {
      if (!this.#over) this.#socket.send(frame);
    });
  }

  /** The server's limits; only after `opened`. */
  get limits(): ConnectReply["limits"] {
    if (!this.#limits) throw new TidegateError("not_connected", "The connection is not open yet");
    return this.#limits;
  }

  /**
   * Asks the server. `done` is called once and synchronously as the reply is read, so that pushes
   * behind it in the same frame find its effect; when the socket ends first, with `disconnected`.
   */
  request<V extends Verb>(
    verb: V,
    body: object | string,
    done: (outcome: Outcome<Replies[V]>) => void,
  ): void {
    if (this.#over) {
      done({ error: lost() });
      return;
    }
    const id = this.#nextId++;
    this.#waiting.set(id, { verb, done: done as (outcome: Outcome<never>) => void });
    const text = typeof body === "string" ? body : JSON.stringify(body);
    this.#writer.put(`{"id":${id},"${verb}":${text}}`);
  }

  /** Ends the socket from this side. */
  end(code: number, reason: string): void {
    this.#end({ code, reason });
  }

  #connected(outcome: Outcome<ConnectReply>): void {
    if (outcome.error) {
      this.#refused = outcome.error;
      if (outcome.error.code !== "disconnected") {
        this.#end({ code: ABNORMAL, reason: outcome.error.message, error: outcome.error });
      }
      return;
    }
    const reply = outcome.value;
    this.#limits = reply.limits;
    this.#writer.limit(reply.limits.frame_bytes, reply.limits.frame_lines);
    this.#silenceMs = 2 * reply.heartbeat_ms;
    this.#timer.cancel();
    this.#timer = this.#clock.after(this.#silenceMs, () => this.#checkSilence());
    this.#handlers.opened(reply);
  }

  #receive(text: string): void {
    if (this.#over) return;
    if (this.#limits) this.#heardAt = this.#clock.monotonic();
    for (const line of text.split("\n")) {
      if (this.#over) return;
      if (line !== "") this.#readLine(line);
    }
  }

  #readLine(text: string): void {
    let line: ServerLine;
    try {
      line = JSON.parse(text) as ServerLine;
    } catch (cause) {
      const error = new TidegateError("internal", "The server sent what is not JSON", { cause });
      this.#end({ code: ABNORMAL, reason: error.message });
      return;
    }
    if (line.push) this.#handlers.push(line.push, text.length);
    else if (line.id !== undefined) this.#settle(line.id, line);
    else if (text === "{}") this.#writer.put("{}");
  }

  #settle(id: number, line: ServerLine): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    if (line.error) waiting.done({ error: errorFromBody(line.error) });
    else waiting.done({ value: (line[waiting.verb] ?? {}) as never });
  }

  /** One timer, armed again for what is left, instead of one for each frame. */
  #checkSilence(): void {
    const left = this.#heardAt + this.#silenceMs - this.#clock.monotonic();
    if (left <= 0) this.#end({ code: ABNORMAL, reason: "the server was silent for too long" });
    else this.#timer = this.#clock.after(left, () => this.#checkSilence());
  }

  #end(end: SessionEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.cancel();
    this.#socket.close();
    // The owner hears of the end first, so that what the lost commands cause finds it disconnected.
    this.#handlers.ended(end);
    for (const { done } of this.#waiting.values()) done({ error: lost() });
    this.#waiting.clear();
  }
}
