import { HEARTBEAT } from "../src/wire/reply.ts";
import type { Connection } from "./connection.ts";

const MISSED_MAX = 2;

/**
 * Asks every connection for a sign of life once in each interval. Connections are spread over slots,
 * one of which is served each tick, so that there is no timer for each socket and the first
 * heartbeat is jittered by the slot.
 */
export class Heartbeats {
  readonly #slots: Set<Connection>[];
  #at = 0;

  /** @param slots ticks in one heartbeat interval */
  constructor(slots: number) {
    this.#slots = Array.from({ length: Math.max(1, slots) }, () => new Set<Connection>());
  }

  /** @param random in [0, 1) */
  add(connection: Connection, random: number): void {
    connection.slot = Math.floor(random * this.#slots.length);
    this.#slots[connection.slot]?.add(connection);
  }

  remove(connection: Connection): void {
    this.#slots[connection.slot]?.delete(connection);
  }

  tick(): void {
    this.#at = (this.#at + 1) % this.#slots.length;
    for (const connection of this.#slots[this.#at] as Set<Connection>) {
      // A heartbeat behind a full socket would say nothing about its client.
      if (connection.excused) continue;
      if (connection.missedHeartbeats >= MISSED_MAX) {
        connection.close("heartbeat_missed");
        continue;
      }
      connection.missedHeartbeats++;
      connection.reply(HEARTBEAT);
    }
  }
}
