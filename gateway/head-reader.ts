import type { Clock } from "../src/ports/clock.ts";
import type { HeadRange, MessageStore } from "../src/ports/message-store.ts";
import type { LocalConversation } from "./local-conversation.ts";

const HEADS_AT_ONCE = 1_024;

/** Reads conversations' heads from the store: those that are wanted at the same time in one go. */
export class HeadReader {
  readonly #store: Pick<MessageStore, "heads">;
  readonly #clock: Clock;
  #batch: Map<string, LocalConversation[]> | undefined;
  #read: Promise<void> = Promise.resolve();

  constructor(store: Pick<MessageStore, "heads">, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Resolves when the conversation has learned its head. @throws what the store throws */
  read(conversation: LocalConversation): Promise<void> {
    if (this.#batch === undefined) {
      const batch = new Map<string, LocalConversation[]>();
      this.#batch = batch;
      this.#read = new Promise<void>((resolve, reject) => {
        this.#clock.defer(() => {
          this.#batch = undefined;
          this.#readAll(batch).then(resolve, reject);
        });
      });
    }
    const list = this.#batch.get(conversation.tenant);
    if (list === undefined) this.#batch.set(conversation.tenant, [conversation]);
    else list.push(conversation);
    return this.#read;
  }

  async #readAll(batch: ReadonlyMap<string, LocalConversation[]>): Promise<void> {
    for (const [tenant, conversations] of batch) {
      for (let i = 0; i < conversations.length; i += HEADS_AT_ONCE) {
        const part = conversations.slice(i, i + HEADS_AT_ONCE);
        const heads: ReadonlyMap<string, HeadRange> = await this.#store.heads(
          tenant,
          part.map((conversation) => conversation.name),
        );
        for (const conversation of part) conversation.learn(heads.get(conversation.name));
      }
    }
  }
}
