import type { Receipt } from "../wire/frame.ts";
import type { TidegateError } from "./errors.ts";
import type { KeptSend } from "./send-store.ts";
import type { Sending } from "./sending.ts";

export interface Entry extends KeptSend {
  attempts: number;
  /** Rises with every message of the client. */
  readonly order: number;
  readonly bytes: number;
  readonly sending: Sending;
  readonly traceparent?: string | undefined;
  resolve(receipt: Receipt): void;
  reject(error: TidegateError): void;
}

/** The unanswered messages of one conversation, in the order in which they were given. */
export class Lane {
  readonly #byKey = new Map<string, Entry>();
  #waiting: Entry[] = [];
  #first = 0;
  /** Nothing leaves before this moment of the monotonic clock. */
  heldUntil = 0;

  get empty(): boolean {
    return this.#byKey.size === 0;
  }

  entries(): readonly Entry[] {
    return [...this.#byKey.values()];
  }

  find(key: string): Entry | undefined {
    return this.#byKey.get(key);
  }

  holds(entry: Entry): boolean {
    return this.#byKey.get(entry.key) === entry;
  }

  add(entry: Entry): void {
    this.#byKey.set(entry.key, entry);
    this.#waiting.push(entry);
  }

  /** The next one that is to be sent; it stays in the lane until it is removed. */
  take(): Entry | undefined {
    for (;;) {
      const entry = this.#waiting[this.#first];
      if (!entry) {
        this.#waiting = [];
        this.#first = 0;
        return undefined;
      }
      this.#first++;
      if (this.holds(entry)) return entry;
    }
  }

  /** To be sent again, at its old place among those that wait. */
  giveBack(entry: Entry): void {
    const rest = this.#waiting.slice(this.#first);
    let at = 0;
    while (at < rest.length && (rest[at] as Entry).order < entry.order) at++;
    rest.splice(at, 0, entry);
    this.#waiting = rest;
    this.#first = 0;
  }

  remove(entry: Entry): boolean {
    return this.holds(entry) && this.#byKey.delete(entry.key);
  }
}
