import type { ConnectReply } from "../wire/frame.ts";
import { fullJitterMs } from "./backoff.ts";
import { Connection, type ConnectionOptions, type ConnectionStatus } from "./connection.ts";
import { callListener, TidegateError } from "./errors.ts";
import { Feeds } from "./feeds.ts";
import { historyOf, type History, type HistoryOptions } from "./history.ts";
import type { Push, Refusal } from "./push.ts";
import { SendQueue } from "./send-queue.ts";
import { SendStore, type KeyValueStorage } from "./send-store.ts";
import type { Sending, SendOptions } from "./sending.ts";
import type { Session } from "./session.ts";
import { Reader, type SubscribeOptions, type Subscription } from "./subscription.ts";

export interface ClientSettings extends ConnectionOptions {
  readonly storage: KeyValueStorage | undefined;
  readonly storageName: string;
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
  readonly bufferEventsMax: number;
  readonly bufferCharsMax: number;
}

const HISTORIES_MAX = 1_000;

/** Who the server says this client is. */
export type Identity = Pick<ConnectReply, "connection" | "tenant" | "user">;

/** A connection to a gateway with everything that outlives its sockets. */
export class Client {
  readonly #settings: ClientSettings;
  readonly #connection: Connection;
  readonly #feeds: Feeds;
  readonly #sends: SendQueue;
  readonly #readers = new Set<Reader>();
  readonly #statusListeners = new Set<(status: ConnectionStatus) => void>();
  readonly #refusedListeners = new Set<(refusal: Refusal) => void>();
  readonly #awaitingUp = new Set<PromiseWithResolvers<Session>>();
  #histories = 0;
  #identity: Identity | undefined;

  constructor(settings: ClientSettings) {
    this.#settings = settings;
    const { clock, random, backoff } = settings;
    const session = (): Session | undefined => this.#connection.session;
    this.#feeds = new Feeds({ clock, random, backoff, session });
    const store = new SendStore(settings.storage, settings.storageName);
    const { queueMessagesMax: messagesMax, queueBytesMax: bytesMax } = settings;
    this.#sends = new SendQueue({ clock, random, backoff, store, messagesMax, bytesMax, session });
    this.#connection = new Connection(settings, {
      up: (opened, reply) => this.#up(opened, reply),
      down: () => this.#feeds.down(),
      push: (push, size) => this.#push(push, size),
      closed: (error) => this.#closed(error),
      status: (status) => {
        for (const listener of this.#statusListeners) callListener(() => listener(status));
      },
    });
  }

  get status(): ConnectionStatus {
    return this.#connection.status;
  }

  /** Known from the first connection on. */
  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Calls back at every change; the returned function ends that. */
  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  /** Messages that the server could not place, though some of them had their receipt. */
  onRefused(listener: (refusal: Refusal) => void): () => void {
    this.#refusedListeners.add(listener);
    return () => this.#refusedListeners.delete(listener);
  }

  /** Reads a conversation. Throws `invalid_cursor`, `invalid_command` or `closed`. */
  subscribe(conversation: string, options: SubscribeOptions = {}): Subscription {
    if (this.status.state === "closed") throw closed(this.status.error);
    const reader: Reader = new Reader(conversation, options, {
      feeds: this.#feeds,
      bufferEvents: this.#settings.bufferEventsMax,
      bufferChars: this.#settings.bufferCharsMax,
      history: (name, query) => this.history(name, query),
      wait: (idle) => this.#wait(idle),
      ended: (ended) => this.#readers.delete(ended),
    });
    this.#readers.add(reader);
    return reader;
  }

  /**
   * Sends a message, now or when there is a connection, until the server has it or refuses it.
   * Returns at once; everything that can go wrong rejects the receipt.
   */
  send(conversation: string, content: object, options: SendOptions = {}): Sending {
    const sending = this.#sends.send(conversation, content, options);
    if (this.status.state === "closed") this.#sends.close(closed(this.status.error));
    return sending;
  }

  /** Messages without a receipt, oldest first; after a reload those that storage has kept. */
  pending(conversation?: string): readonly Sending[] {
    return this.#sends.pending(conversation);
  }

  /** Reads back. Waits for a connection, and asks again after errors that pass. */
  async history(conversation: string, options: HistoryOptions = {}): Promise<History> {
    if (this.#histories >= HISTORIES_MAX) {
      const message = `Cannot ask for more history: ${HISTORIES_MAX} requests wait already`;
      throw new TidegateError("too_many_requests", message, { retriable: true });
    }
    this.#histories++;
    try {
      for (let idle = 0; ; idle++) {
        const session = await this.#whenUp();
        const result = await this.#askHistory(session, conversation, options);
        if (!(result instanceof TidegateError)) return result;
        if (!result.retriable) throw result;
        if (result.code !== "disconnected") await this.#wait(idle, result.retryAfterMs);
      }
    } finally {
      this.#histories--;
    }
  }

  /** Fetches a token and gives it to the server; happens by itself before a token ends. */
  refreshToken(): Promise<void> {
    return this.#connection.refresh();
  }

  /** Connects now instead of when the wait is over. */
  retryNow(): void {
    this.#connection.retryNow();
  }

  /** Ends everything: iterators are done, and what has no receipt is rejected with `closed`. */
  close(): void {
    this.#connection.close(closed(undefined));
  }

  #up(session: Session, reply: ConnectReply): void {
    const { connection, tenant, user } = reply;
    this.#identity = { connection, tenant, user };
    this.#feeds.up();
    this.#sends.up();
    for (const waiting of this.#awaitingUp) waiting.resolve(session);
    this.#awaitingUp.clear();
  }

  #push(push: Push, size: number): void {
    const { refused } = push;
    if (!refused) return this.#feeds.push(push, size);
    this.#sends.refused(refused);
    for (const listener of this.#refusedListeners) callListener(() => listener(refused));
  }

  #closed(error: TidegateError): void {
    const failed = error.code !== "closed";
    for (const reader of this.#readers) {
      if (failed) reader.onFailed(error);
      else reader.close();
    }
    this.#sends.close(error);
    for (const waiting of this.#awaitingUp) waiting.reject(error);
    this.#awaitingUp.clear();
  }

  async #whenUp(): Promise<Session> {
    const { session } = this.#connection;
    if (session) return session;
    if (this.status.state === "closed") throw closed(this.status.error);
    const waiting = Promise.withResolvers<Session>();
    this.#awaitingUp.add(waiting);
    return waiting.promise;
  }

  #askHistory(
    session: Session,
    conversation: string,
    options: HistoryOptions,
  ): Promise<History | TidegateError> {
    const { after, before, limit } = options;
    return new Promise((resolve) => {
      session.request("history", { conversation, after, before, limit }, (outcome) => {
        resolve(outcome.error ?? historyOf(conversation, outcome.value));
      });
    });
  }

  #wait(idle: number, leastMs = 0): Promise<void> {
    const { clock, random, backoff } = this.#settings;
    const waitMs = Math.max(leastMs, fullJitterMs(idle, random.next(), backoff));
    return new Promise((resolve) => clock.after(waitMs, resolve));
  }
}

function closed(cause: TidegateError | undefined): TidegateError {
  if (cause && cause.code !== "closed") return cause;
  return new TidegateError("closed", "The client is closed");
}
