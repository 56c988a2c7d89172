import { Client } from "./client.ts";
import { systemClock, systemNetwork, systemRandom } from "./platform.ts";
import type { ClientClock, ClientRandom, NetworkHints } from "./platform.ts";
import type { KeyValueStorage } from "./send-store.ts";
import type { TokenSource } from "./token-keeper.ts";
import { webSocketTransport, type Transport } from "./transport.ts";

export { TidegateError } from "./errors.ts";
export type { Client, Identity } from "./client.ts";
export type { ConnectionState, ConnectionStatus } from "./connection.ts";
export type { History, HistoryOptions } from "./history.ts";
export type { EventItem, Item, LagNotice, LiveNotice, Notice, ResetNotice } from "./item.ts";
export type { Refusal } from "./push.ts";
export type { Sending, SendOptions } from "./sending.ts";
export type { SubscribeOptions, Subscription } from "./subscription.ts";

export interface ClientOptions {
  /** Of the gateway's socket, such as `wss://chat.example.com/v1/socket`. */
  readonly url: string;
  /** A JWT, or what fetches one: before each connection, and before the last one ends. */
  readonly token: TokenSource;
  /** The program's own name and version, for the server's operators. */
  readonly client?: string;
  /** Keeps unsent messages over a reload, for example `sessionStorage`. One client for each. */
  readonly storage?: KeyValueStorage;
  readonly storageName?: string;
  /** Messages that may wait for their receipt; beyond it `send` is refused with `queue_full`. */
  readonly queueMessagesMax?: number;
  readonly queueBytesMax?: number;
  /** What an iterator may leave untaken before its subscription stops reading. */
  readonly bufferEventsMax?: number;
  readonly bufferCharsMax?: number;
  /** Upper ends of the first and of every wait between tries, in milliseconds. */
  readonly backoffBaseMs?: number;
  readonly backoffCapMs?: number;
  readonly connectTimeoutMs?: number;
  readonly transport?: Transport;
  readonly clock?: ClientClock;
  readonly random?: ClientRandom;
  readonly network?: NetworkHints;
}

/** A client that connects at once and stays connected until it is closed or refused for good. */
export function createClient(options: ClientOptions): Client {
  const { backoffBaseMs: baseMs = 250, backoffCapMs: capMs = 20_000 } = options;
  return new Client({
    url: options.url,
    token: options.token,
    client: options.client,
    storage: options.storage,
    storageName: options.storageName ?? "tidegate.unsent",
    queueMessagesMax: options.queueMessagesMax ?? 10_000,
    queueBytesMax: options.queueBytesMax ?? 8 * 1024 * 1024,
    bufferEventsMax: options.bufferEventsMax ?? 1_024,
    bufferCharsMax: options.bufferCharsMax ?? 4 * 1024 * 1024,
    backoff: { baseMs, capMs },
    connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
    transport: options.transport ?? webSocketTransport,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    network: options.network ?? systemNetwork,
  });
}
