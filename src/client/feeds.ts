import { Feed, type FeedHost, type FeedMember, type Start } from "./feed.ts";
import type { Push } from "./push.ts";

/** The feeds of a client: at most one for each conversation, however many read it. */
export class Feeds {
  readonly #host: FeedHost;
  readonly #feeds = new Map<string, Feed>();

  constructor(host: FeedHost) {
    this.#host = host;
  }

  get(conversation: string): Feed | undefined {
    return this.#feeds.get(conversation);
  }

  /** Only for a conversation that has no feed. */
  open(conversation: string, start: Start, member: FeedMember): void {
    const feed = new Feed(conversation, start, this.#host);
    this.#feeds.set(conversation, feed);
    feed.members.add(member);
    feed.up();
  }

  /** The last one to leave ends the server's subscription. */
  leave(conversation: string, member: FeedMember): void {
    const feed = this.#feeds.get(conversation);
    if (!feed?.members.delete(member) || feed.members.size > 0) return;
    this.#feeds.delete(conversation);
    feed.stop();
  }

  up(): void {
    for (const feed of this.#feeds.values()) feed.up();
  }

  down(): void {
    for (const feed of this.#feeds.values()) feed.down();
  }

  push(push: Push, size: number): void {
    if (push.event) this.#feeds.get(push.conversation ?? "")?.event(push, size);
    else if (push.live) this.#feeds.get(push.live.conversation)?.liveAt(push.live.seq);
    else if (push.lag) this.#feeds.get(push.lag.conversation)?.lag(push.lag.from, push.lag.to);
    else if (push.reset) {
      const { conversation, epoch, floor } = push.reset;
      this.#feeds.get(conversation)?.reset(epoch, floor);
    }
  }
}
