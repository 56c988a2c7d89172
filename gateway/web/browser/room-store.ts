/** A room that was opened before. */
export interface KnownRoom {
  readonly name: string;
  /** Up to where it was read. */
  readonly read?: string;
}

const KEY = "tidegate.rooms";
const ROOMS_MAX = 20;

/** The rooms of this browser, in the order in which they were first opened. */
export class RoomStore {
  #rooms: KnownRoom[];

  constructor() {
    this.#rooms = load();
  }

  get rooms(): readonly KnownRoom[] {
    return this.#rooms;
  }

  find(name: string): KnownRoom | undefined {
    return this.#rooms.find((room) => room.name === name);
  }

  /** Adds a room; beyond the bound the oldest other one goes. */
  add(name: string): void {
    this.#rooms = this.#newest();
    if (this.find(name)) return;
    this.#rooms = [...this.#rooms, { name }].slice(-ROOMS_MAX);
    this.#save();
  }

  remove(name: string): void {
    this.#rooms = this.#newest().filter((room) => room.name !== name);
    this.#save();
  }

  /** Whether anything changed. */
  read(name: string, cursor: string): boolean {
    if (this.find(name)?.read === cursor) return false;
    this.#rooms = this.#newest().map((room) =>
      room.name === name ? { name, read: cursor } : room,
    );
    this.#save();
    return true;
  }

  /** With what other tabs have done meanwhile, unless the browser keeps nothing. */
  #newest(): KnownRoom[] {
    const stored = load();
    return stored.length > 0 ? stored : this.#rooms;
  }

  #save(): void {
    try {
      localStorage.setItem(KEY, JSON.stringify(this.#rooms));
    } catch {
      // A browser that keeps nothing still chats.
    }
  }
}

function load(): KnownRoom[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    if (!Array.isArray(stored)) return [];
    return stored
      .filter((room): room is KnownRoom => typeof (room as KnownRoom | null)?.name === "string")
      .slice(-ROOMS_MAX);
  } catch {
    // What another program, or an older page, wrote there.
    return [];
  }
}
