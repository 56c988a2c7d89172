import type { Refusal } from "../src/ports/backplane.ts";
import { RecentMap } from "../src/recent-map.ts";
import { encodeRefused } from "../src/wire/reply.ts";

/** A socket, as far as a refusal concerns it. */
export interface RefusedConnection {
  reply(line: string): void;
}

/** Tells refusals to their senders' sockets: to each socket once, however often one is heard. */
export class RefusedPushes {
  /** By the refused record; a socket that came later than the first word is told by the second. */
  readonly #told: RecentMap<string, WeakSet<RefusedConnection>>;

  /** @param refusalsMax refusals that are remembered */
  constructor(refusalsMax: number) {
    this.#told = new RecentMap(refusalsMax);
  }

  /** @param connections the user's */
  push(refusal: Refusal, connections: readonly RefusedConnection[]): void {
    if (connections.length === 0) return;
    const { conversation, key, message, code, origin } = refusal;
    let told = this.#told.get(origin);
    if (told === undefined) this.#told.set(origin, (told = new WeakSet()));
    const line = encodeRefused(conversation, key, message, code);
    for (const connection of connections) {
      if (told.has(connection)) continue;
      told.add(connection);
      connection.reply(line);
    }
  }
}
