import { createClient, type Client } from "../../../src/client/tidegate.ts";
import { paintAvatar } from "./avatar.ts";
import { Composer } from "./composer.ts";
import { byId } from "./dom.ts";
import { Drawer } from "./drawer.ts";
import { Latency } from "./latency.ts";
import { askName, storedName } from "./name-picker.ts";
import { RoomList } from "./room-list.ts";
import { cleanRoomName, roomHash, roomOfHash } from "./room-name.ts";
import { RoomStore } from "./room-store.ts";
import { RoomView } from "./room-view.ts";
import { StatusView } from "./status-view.ts";
import { fetchDemoToken } from "./token.ts";

/** One user's stay: a client, its rooms, the open one. */
class Stay {
  readonly #client: Client;
  readonly #user: string;
  readonly #latency = new Latency();
  readonly #status: StatusView;
  readonly #store = new RoomStore();
  readonly #rooms: RoomList;
  #view: RoomView | undefined;

  constructor(user: string) {
    this.#user = user;
    this.#client = createClient({
      url: `${location.origin.replace(/^http/, "ws")}/v1/socket`,
      token: () => fetchDemoToken(user),
      client: "tidegate-page/1",
      storage: sessionStorage,
      storageName: `tidegate.unsent.${user}`,
      backoffCapMs: 8_000,
    });
    this.#status = new StatusView(this.#client, this.#latency);
    this.#rooms = new RoomList(this.#store, this.#client, user, () => {});
    this.#client.onRefused((refusal) => {
      if (refusal.conversation === this.#view?.room) this.#view.refused(refusal);
    });
  }

  open(room: string): void {
    if (this.#view?.room === room) return;
    this.#view?.close();
    byId("title", HTMLHeadingElement).textContent = room;
    const read = this.#store.find(room)?.read;
    this.#rooms.open(room);
    this.#view = new RoomView({
      client: this.#client,
      room,
      user: this.#user,
      latency: this.#latency,
      readSeq: read === undefined ? undefined : Number(read.split(".")[1]),
      onRead: (cursor) => void this.#store.read(room, cursor),
      onLatency: () => this.#status.drawLatency(),
    });
  }

  send(text: string): void {
    if (!this.#view) return;
    const sending = this.#client.send(this.#view.room, { text });
    if (this.#client.status.state === "connected") this.#latency.sent(sending.key);
    this.#view.sent(sending);
  }

  neighbour(step: 1 | -1): string | undefined {
    return this.#rooms.neighbour(step);
  }

  close(): void {
    this.#view?.close();
    this.#rooms.close();
    this.#client.close();
  }
}

async function main(): Promise<void> {
  const drawer = new Drawer();
  let stay: Stay | undefined;
  const composer = new Composer((text) => stay?.send(text));

  const open = (): void => {
    const room = roomOfHash(location.hash);
    stay?.open(room);
    composer.open(room);
    drawer.set(false);
  };
  const enter = (name: string): void => {
    stay?.close();
    byId("me-name", HTMLSpanElement).textContent = name;
    paintAvatar(byId("me-avatar", HTMLSpanElement), name);
    stay = new Stay(name);
    open();
  };

  let name = storedName();
  while (name === undefined) name = await askName("");
  enter(name);

  window.addEventListener("hashchange", open);
  byId("me", HTMLButtonElement).addEventListener("click", () => {
    void askName(name ?? "").then((chosen) => {
      if (chosen === undefined || chosen === name) return;
      name = chosen;
      enter(chosen);
    });
  });
  const input = byId("room-input", HTMLInputElement);
  byId("room-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const room = cleanRoomName(input.value);
    if (room === undefined) return;
    input.value = "";
    location.hash = roomHash(room);
  });
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    const room = stay?.neighbour(event.key === "ArrowDown" ? 1 : -1);
    if (room !== undefined) location.hash = roomHash(room);
    event.preventDefault();
  });
}

void main();
