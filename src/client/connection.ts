import { shouldReconnect } from "../close-codes.ts";
import type { ConnectReply } from "../wire/frame.ts";
import { fullJitterMs, type BackoffOptions } from "./backoff.ts";
import { callListener, TidegateError } from "./errors.ts";
import type { ClientClock, ClientRandom, ClientTimer, NetworkHints } from "./platform.ts";
import type { Push } from "./push.ts";
import { Session, type SessionEnd } from "./session.ts";
import { TokenKeeper, type TokenSource } from "./token-keeper.ts";
import type { Transport } from "./transport.ts";

/**
 * `connecting`: the first time. `reconnecting`: it was, or tried to be, connected before.
 * `offline`: the same, and the host says that there is no network. `closed`: for good.
 */
export type ConnectionState = "connecting" | "connected" | "reconnecting" | "offline" | "closed";

export interface ConnectionStatus {
  readonly state: ConnectionState;
  /** Failed tries in a row. */
  readonly attempt: number;
  /** When the next try is due; milliseconds since 1970. */
  readonly retryAt?: number | undefined;
  /** Why the last connection or try ended, or why it is closed. */
  readonly error?: TidegateError | undefined;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly token: TokenSource;
  readonly client: string | undefined;
  readonly transport: Transport;
  readonly clock: ClientClock;
  readonly random: ClientRandom;
  readonly network: NetworkHints;
  readonly backoff: BackoffOptions;
  readonly connectTimeoutMs: number;
}

export interface ConnectionHandlers {
  up(session: Session, reply: ConnectReply): void;
  down(): void;
  push(push: Push, size: number): void;
  closed(error: TidegateError): void;
  status(status: ConnectionStatus): void;
}

/** After this long a connection counts as good, and the next loss starts at the shortest wait. */
const STABLE_MS = 5_000;

/** Keeps one session alive: connects, authenticates, waits with jitter, connects again. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #tokens: TokenKeeper;
  readonly #unwatch: () => void;
  #status: ConnectionStatus = { state: "connecting", attempt: 0 };
  #session: Session | undefined;
  #openedAt: number | undefined;
  #refusals = 0;
  #toldToWaitMs: number | undefined;
  #timer: ClientTimer | undefined;
  /** Raised whenever what an awaited token was meant for is over. */
  #turn = 0;

  constructor(options: ConnectionOptions, handlers: ConnectionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#tokens = new TokenKeeper(options.token, options.clock, options.connectTimeoutMs);
    this.#unwatch = options.network.watch((online) => this.#networkChanged(online));
    // Not at once, so that the caller can add listeners before anything happens.
    queueMicrotask(() => {
      if (this.#turn === 0) void this.#open();
    });
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  /** The open session, or undefined while there is none. */
  get session(): Session | undefined {
    return this.#openedAt === undefined ? undefined : this.#session;
  }

  /** Tries now instead of when the wait is over. */
  retryNow(): void {
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    void this.#open();
  }

  /** Fetches a token and hands it to the server. Rejects when either fails. */
  async refresh(): Promise<void> {
    const turn = this.#turn;
    const token = await this.#tokens.get();
    const session = this.session;
    // A connection that was lost meanwhile has fetched, or will fetch, a token of its own.
    if (turn !== this.#turn || !session) return;
    await new Promise<void>((resolve, reject) => {
      session.request("refresh", { token }, (outcome) => {
        if (outcome.error) return reject(outcome.error);
        this.#watchToken(outcome.value.expires_at);
        resolve();
      });
    });
  }

  close(error: TidegateError): void {
    if (this.#status.state === "closed") return;
    this.#turn++;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#tokens.stop();
    this.#unwatch();
    const session = this.#session;
    const wasUp = this.#openedAt !== undefined;
    this.#session = undefined;
    this.#openedAt = undefined;
    this.#set({ state: "closed", attempt: this.#status.attempt, error });
    session?.end(1000, "closed by the client");
    if (wasUp) this.#handlers.down();
    this.#handlers.closed(error);
  }

  async #open(): Promise<void> {
    const turn = ++this.#turn;
    this.#timer = undefined;
    const { error, attempt } = this.#status;
    this.#set({ state: this.#waitingState(), attempt, error });
    let token: string;
    try {
      token = await this.#tokens.get();
    } catch (cause) {
      const error = cause as TidegateError;
      if (turn !== this.#turn) return;
      if (error.retriable) this.#failed(error);
      else this.close(error);
      return;
    }
    if (turn === this.#turn) this.#connect(token);
  }

  #connect(token: string): void {
    const session: Session = new Session(
      { ...this.#options, token },
      {
        opened: (reply) => this.#opened(session, reply),
        push: (push, size) => this.#pushed(push, size),
        ended: (end) => {
          if (session === this.#session) this.#ended(end);
        },
      },
    );
    this.#session = session;
  }

  #opened(session: Session, reply: ConnectReply): void {
    this.#openedAt = this.#options.clock.monotonic();
    this.#refusals = 0;
    this.#toldToWaitMs = undefined;
    this.#watchToken(reply.expires_at);
    this.#set({ state: "connected", attempt: this.#status.attempt });
    this.#handlers.up(session, reply);
  }

  #pushed(push: Push, size: number): void {
    if (push.reconnect) this.#toldToWaitMs = push.reconnect.after_ms;
    else this.#handlers.push(push, size);
  }

  #ended(end: SessionEnd): void {
    this.#turn++;
    this.#tokens.stop();
    const openedAt = this.#openedAt;
    this.#session = undefined;
    this.#openedAt = undefined;
    if (openedAt !== undefined) {
      const stable = this.#options.clock.monotonic() - openedAt >= STABLE_MS;
      this.#status = { ...this.#status, attempt: stable ? 0 : this.#status.attempt };
    }
    const error =
      end.error ??
      new TidegateError("disconnected", end.reason || `The socket was closed (${end.code})`, {
        retriable: shouldReconnect(end.code),
      });
    if (openedAt !== undefined) this.#handlers.down();
    if (this.#status.state === "closed") return;
    if (error.retriable || this.#mayRenew(openedAt === undefined, end.code)) this.#failed(error);
    else this.close(refused(error, end.code));
  }

  /** A token that was refused once may have been an old one; a fresh one that is refused is final. */
  #mayRenew(duringConnect: boolean, code: number): boolean {
    if (!this.#tokens.renewable || !duringConnect) return false;
    if (!shouldReconnect(code) && code !== 4505) return false;
    return ++this.#refusals < 2;
  }

  #failed(error: TidegateError): void {
    const { clock, random, network, backoff } = this.#options;
    const { attempt } = this.#status;
    const jitterMs = fullJitterMs(attempt, random.next(), backoff);
    // A draining server spreads its clients by the waits it gives them.
    const waitMs = Math.max(error.retryAfterMs ?? 0, this.#toldToWaitMs ?? jitterMs);
    this.#toldToWaitMs = undefined;
    this.#timer = clock.after(waitMs, () => void this.#open());
    const state = network.online() ? "reconnecting" : "offline";
    this.#set({ state, attempt: attempt + 1, retryAt: clock.now() + waitMs, error });
  }

  #waitingState(): ConnectionState {
    if (!this.#options.network.online()) return "offline";
    return this.#status.attempt === 0 && !this.#status.error ? "connecting" : "reconnecting";
  }

  #networkChanged(online: boolean): void {
    if (online) return this.retryNow();
    const session = this.#session;
    // Waiting for two silent heartbeats would show a dead line as a good one for most of a minute.
    if (session) session.end(1006, "the network is gone");
    else if (this.#status.state !== "closed") this.#set({ ...this.#status, state: "offline" });
  }

  #watchToken(expiresAt: number | undefined): void {
    this.#tokens.watch(expiresAt, () => this.#renew(0));
  }

  #renew(attempt: number): void {
    this.refresh().catch(() => {
      // The server closes with `token_expired` at the end if none of these tries succeeds.
      if (!this.session) return;
      const waitMs =
        500 + fullJitterMs(attempt, this.#options.random.next(), this.#options.backoff);
      this.#tokens.later(waitMs, () => this.#renew(attempt + 1));
    });
  }

  #set(status: ConnectionStatus): void {
    this.#status = status;
    callListener(() => this.#handlers.status(status));
  }
}

function refused(error: TidegateError, code: number): TidegateError {
  if (error.code !== "disconnected") return error;
  const message = `The server does not want this client back: ${error.message}`;
  return new TidegateError("connection_refused", message, { cause: code });
}
