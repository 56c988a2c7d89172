import type { Client, Item, Subscription } from "../../../src/client/tidegate.ts";
import { byId, make } from "./dom.ts";
import { roomHash } from "./room-name.ts";
import type { RoomStore } from "./room-store.ts";

const UNREAD_MAX = 99;

/** The remembered rooms at the side, each with the number of its unread messages. */
export class RoomList {
  readonly #list = byId("room-list", HTMLUListElement);
  readonly #menu = byId("menu", HTMLButtonElement);
  readonly #store: RoomStore;
  readonly #client: Client;
  readonly #user: string;
  readonly #leave: (room: string) => void;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #unread = new Map<string, number>();
  #current = "";

  constructor(store: RoomStore, client: Client, user: string, leave: (room: string) => void) {
    this.#store = store;
    this.#client = client;
    this.#user = user;
    this.#leave = leave;
  }

  /** Unread messages of all rooms but the open one. */
  get unread(): number {
    let sum = 0;
    for (const [room, count] of this.#unread) if (room !== this.#current) sum += count;
    return sum;
  }

  open(room: string): void {
    this.#current = room;
    this.#store.add(room);
    this.#unread.set(room, 0);
    this.#watch();
    this.draw();
  }

  /** The room next to the open one. */
  neighbour(step: 1 | -1): string | undefined {
    const names = this.#store.rooms.map(({ name }) => name);
    const at = names.indexOf(this.#current);
    return names.at((at + step + names.length) % names.length);
  }

  close(): void {
    for (const subscription of this.#subscriptions.values()) subscription.close();
  }

  draw(): void {
    this.#list.replaceChildren(...this.#store.rooms.map(({ name }) => this.#makeRow(name)));
    this.#menu.toggleAttribute("data-unread", this.unread > 0);
    const count = this.unread > 0 ? `(${this.unread}) ` : "";
    document.title = `${count}${this.#current} · Tidegate`;
  }

  #makeRow(name: string): HTMLElement {
    const label = make("span", "room-name", name);
    const link = make("a", "", label);
    link.href = roomHash(name);
    const current = name === this.#current;
    if (current) link.ariaCurrent = "page";
    const unread = this.#unread.get(name) ?? 0;
    if (unread > 0 && !current) {
      const badge = make("span", "unread", unread > UNREAD_MAX ? `${UNREAD_MAX}+` : String(unread));
      badge.ariaLabel = `${unread} unread`;
      link.append(badge);
    }
    const row = make("li", "", link);
    if (!current) {
      const forget = make("button", "forget", "×");
      forget.type = "button";
      forget.ariaLabel = `Remove ${name} from the list`;
      forget.addEventListener("click", () => this.#forget(name));
      row.append(forget);
    }
    return row;
  }

  #forget(name: string): void {
    this.#store.remove(name);
    this.#unread.delete(name);
    this.#leave(name);
    this.#watch();
    this.draw();
  }

  /** One subscription for each remembered room, and none for others. */
  #watch(): void {
    const names = new Set(this.#store.rooms.map(({ name }) => name));
    for (const [name, subscription] of this.#subscriptions) {
      if (names.has(name)) continue;
      subscription.close();
      this.#subscriptions.delete(name);
    }
    for (const name of names) {
      if (this.#subscriptions.has(name)) continue;
      const onItem = (item: Item): void => this.#take(name, item);
      this.#subscriptions.set(name, this.#client.subscribe(name, { onItem }));
    }
  }

  #take(room: string, item: Item): void {
    if (item.type === "event" && item.event.sender !== this.#user && room !== this.#current) {
      this.#unread.set(room, (this.#unread.get(room) ?? 0) + 1);
    } else if (item.type === "live" && !this.#unread.has(room)) {
      // The first time: what was written since this room was last read.
      this.#unread.set(room, this.#missed(room, item.seq));
    } else return;
    this.draw();
  }

  #missed(room: string, head: number): number {
    const read = this.#store.find(room)?.read;
    const epoch = this.#subscriptions.get(room)?.cursor?.split(".")[0];
    const [readEpoch, readSeq] = read?.split(".") ?? [];
    return readEpoch === epoch && readSeq !== undefined ? Math.max(0, head - Number(readSeq)) : 0;
  }
}
