import type { Client, Sending, TidegateError } from "../../../src/client/tidegate.ts";
import { makePending, type PendingView } from "./message-view.ts";
import { reasonText } from "./reasons.ts";

interface Pending {
  readonly sending: Sending;
  readonly view: PendingView;
  failed: boolean;
}

/** One's own messages of a room that have no place yet, below the placed ones. */
export class PendingList {
  readonly #list: HTMLElement;
  readonly #client: Client;
  readonly #views = new Map<string, Pending>();
  readonly #changed: () => void;

  /** @param changed called after a message was added, or has another height */
  constructor(list: HTMLElement, client: Client, changed: () => void) {
    this.#list = list;
    this.#client = client;
    this.#changed = changed;
    list.replaceChildren();
  }

  add(sending: Sending): void {
    if (this.#views.has(sending.key)) return;
    const pending: Pending = { sending, view: makePending(sending), failed: false };
    this.#views.set(sending.key, pending);
    this.#list.append(pending.view.row);
    this.#changed();
    sending.receipt.then(
      () => pending.view.kept(),
      (error: TidegateError) => this.#failed(pending, error),
    );
  }

  /** The message has its place. */
  placed(key: string): void {
    this.#views.get(key)?.view.row.remove();
    this.#views.delete(key);
  }

  /** The server took a message back, perhaps after its receipt. */
  refused(key: string, error: Pick<TidegateError, "code" | "message">): void {
    const pending = this.#views.get(key);
    if (pending) this.#failed(pending, error);
  }

  #failed(pending: Pending, error: Pick<TidegateError, "code" | "message">): void {
    if (pending.failed) return;
    pending.failed = true;
    const { conversation, key, kind, content } = pending.sending;
    pending.view.failed(
      reasonText(error),
      () => {
        this.placed(key);
        // The same key: should the first one have arrived after all, it stays one message.
        this.add(this.#client.send(conversation, content, { key, kind }));
      },
      () => this.placed(key),
    );
    this.#changed();
  }
}
