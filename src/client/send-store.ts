import type { MessageKind } from "../wire/content.ts";

/** What the client needs of a browser's `sessionStorage` or `localStorage`. */
export interface KeyValueStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** A message that has no receipt yet, as it is kept. */
export interface KeptSend {
  readonly conversation: string;
  readonly key: string;
  readonly kind: MessageKind;
  readonly content: string;
  readonly attempts: number;
}

/** Keeps unsent messages over a reload of the page. */
export class SendStore {
  readonly #storage: KeyValueStorage | undefined;
  readonly #name: string;
  #due = false;

  constructor(storage: KeyValueStorage | undefined, name: string) {
    this.#storage = storage;
    this.#name = name;
  }

  load(): readonly KeptSend[] {
    const text = this.#storage?.getItem(this.#name);
    if (text === undefined || text === null) return [];
    try {
      const kept: unknown = JSON.parse(text);
      return Array.isArray(kept) ? kept.filter(isKeptSend) : [];
    } catch {
      // What another program wrote there is not a message of ours.
      return [];
    }
  }

  /** Writes at the end of this turn; `list` is called then. */
  changed(list: () => readonly KeptSend[]): void {
    if (!this.#storage || this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      this.#write(list());
    });
  }

  #write(kept: readonly KeptSend[]): void {
    try {
      if (kept.length === 0) this.#storage?.removeItem(this.#name);
      else this.#storage?.setItem(this.#name, JSON.stringify(kept));
    } catch {
      // A full or forbidden storage costs only what a reload would have saved.
    }
  }
}

function isKeptSend(value: unknown): value is KeptSend {
  const { conversation, key, kind, content, attempts } = (value ?? {}) as Record<string, unknown>;
  const texts = [conversation, key, kind, content].every((field) => typeof field === "string");
  return texts && typeof attempts === "number";
}
