import { Ahead } from "./ahead.ts";
import { callListener, TidegateError } from "./errors.ts";
import type { FeedMember, Start } from "./feed.ts";
import type { Feeds } from "./feeds.ts";
import type { History, HistoryOptions } from "./history.ts";
import { ItemBuffer } from "./item-buffer.ts";
import type { EventItem, Item, ResetReason } from "./item.ts";
import { cursorOf, place, positionOf, type Position } from "./position.ts";

export interface SubscribeOptions extends Start {
  /** Begins behind this cursor. Not together with `tail`. */
  readonly cursor?: string | undefined;
  /** Begins this many events before the head; with neither, only what comes from now on is shown. */
  readonly tail?: number | undefined;
  /** Gets every item as it comes, instead of the iterator. */
  readonly onItem?: (item: Item) => void;
  /** The subscription has ended: refused by the server, or the client is closed. */
  readonly onError?: (error: TidegateError) => void;
}

/**
 * A reader of one conversation. It shows every event after its start exactly once and in order,
 * across reconnects; where that is impossible it shows a `reset` notice.
 *
 * Iterate it (`for await`), or give `onItem`. The iterator's buffer is bounded: when it is full the
 * subscription stops reading from the server, and goes on from its cursor when half of it has been
 * taken. Leaving the loop closes the subscription.
 */
export interface Subscription extends AsyncIterable<Item> {
  readonly conversation: string;
  /** Behind the last event that was shown; a later subscription from it misses nothing. */
  readonly cursor: string | undefined;
  /** Whether everything there is has been received. */
  readonly live: boolean;
  /** The events alone, for those who do not care about notices. */
  events(): AsyncIterable<EventItem>;
  close(): void;
}

export interface ReaderHost {
  readonly feeds: Feeds;
  readonly bufferEvents: number;
  readonly bufferChars: number;
  history(conversation: string, options: HistoryOptions): Promise<History>;
  /** Resolves after a pause that grows with the number of tries that brought nothing. */
  wait(idle: number): Promise<void>;
  ended(reader: Reader): void;
}

const PAGE = 500;
const NOTICE_SIZE = 64;

/**
 * `attached`: the feed's next event is ours. `filling`: asks for what lies before the feed.
 * `paused`: the buffer is full. `ended`: for good.
 */
type Mode = "attached" | "filling" | "paused" | "ended";

export class Reader implements Subscription, FeedMember {
  readonly conversation: string;
  readonly #host: ReaderHost;
  readonly #options: SubscribeOptions;
  readonly #buffer: ItemBuffer;
  readonly #ahead = new Ahead();
  #position: Position | undefined;
  #shown: string | undefined;
  #mode: Mode = "attached";
  #opensFeed = false;
  #live = false;
  /** Raised whenever a page that was asked for must not be used any more. */
  #pass = 0;

  constructor(conversation: string, options: SubscribeOptions, host: ReaderHost) {
    const { cursor, tail } = options;
    if (cursor !== undefined && tail !== undefined) {
      throw new TidegateError(
        "invalid_command",
        "A subscription takes a cursor or a tail, not both",
      );
    }
    this.conversation = conversation;
    this.#options = options;
    this.#host = host;
    this.#buffer = new ItemBuffer(
      (item) => this.#taken(item),
      () => this.close(),
    );
    if (cursor !== undefined) this.#position = positionOf(cursor);
    this.#shown = cursor;
    const feed = host.feeds.get(conversation);
    if (!feed) this.#open({ cursor, tail });
    else if (cursor !== undefined || tail !== undefined) void this.#fill();
    else {
      feed.members.add(this);
      if (feed.position && feed.head !== undefined) this.onPlaced(feed.position, feed.head);
      // The caller has no listener or loop in place yet.
      queueMicrotask(() => this.#liveAlready());
    }
  }

  get cursor(): string | undefined {
    return this.#shown;
  }

  get live(): boolean {
    return (
      this.#live &&
      this.#mode === "attached" &&
      this.#host.feeds.get(this.conversation)?.live === true
    );
  }

  [Symbol.asyncIterator](): AsyncIterator<Item> {
    if (this.#options.onItem) {
      throw new TidegateError("invalid_command", "A subscription with onItem cannot be iterated");
    }
    return this.#buffer;
  }

  async *events(): AsyncGenerator<EventItem> {
    for await (const item of this) if (item.type === "event") yield item;
  }

  close(): void {
    this.#end();
  }

  onEvent(item: EventItem, size: number): void {
    if (this.#mode === "filling") this.#ahead.put(item, size);
    if (this.#mode !== "attached" || !this.#position) return;
    if (item.epoch !== this.#position.epoch) return void this.#fill();
    const where = place(this.#position.seq, item.seq);
    if (where === "next") this.#show(item, size);
    else if (where === "jump") void this.#fill();
  }

  onRestart(reason: ResetReason, epoch: string, floor: number): void {
    const own = this.#position;
    this.#live = false;
    this.#ahead.clear();
    if (!own) return;
    const kept = own.epoch === epoch && own.seq >= floor - 1;
    if (kept && reason === "expired") return;
    // Pages that are under way belong to what is void now.
    if (this.#mode === "filling") this.#pass++;
    const wasFilling = this.#mode === "filling";
    this.#position = { epoch, seq: Math.max(floor - 1, 0) };
    this.#put({ type: "reset", reason, epoch, floor, last: cursorOf(own) }, NOTICE_SIZE);
    if (wasFilling && this.#mode === "filling") void this.#fill();
  }

  onLag(from: number, to: number): void {
    this.#live = false;
    if (this.#mode === "attached") this.#put({ type: "lag", from, to }, NOTICE_SIZE);
  }

  onLive(seq: number): void {
    if (this.#mode !== "attached" || !this.#position || this.#live) return;
    if (this.#position.seq < seq) return void this.#fill();
    this.#live = true;
    this.#put({ type: "live", seq: this.#position.seq }, NOTICE_SIZE);
  }

  onPlaced(position: Position, head: number): void {
    const own = this.#position;
    // A tail that is asked for decides by itself where it begins.
    if (!own && this.#mode === "filling") return;
    if (!own) {
      this.#position = this.#opensFeed ? position : { epoch: position.epoch, seq: head };
      this.#shown ??= cursorOf(this.#position);
    } else if (own.epoch === "") this.#position = { epoch: position.epoch, seq: own.seq };
    this.#live = false;
  }

  onFailed(error: TidegateError): void {
    this.#end(error);
  }

  #open(start: Start): void {
    this.#mode = "attached";
    this.#opensFeed = true;
    this.#host.feeds.open(this.conversation, start, this);
  }

  /** Hands one event on. Afterwards the reader may be paused or closed. */
  #show(item: EventItem, size: number): void {
    this.#position = item;
    this.#put(item, size);
  }

  #put(item: Item, size: number): void {
    const { onItem } = this.#options;
    if (onItem) {
      callListener(() => onItem(item));
      this.#taken(item);
      return;
    }
    this.#buffer.put(item, size);
    const { bufferEvents, bufferChars } = this.#host;
    if (this.#buffer.length >= bufferEvents || this.#buffer.size >= bufferChars) this.#pause();
  }

  #taken(item: Item): void {
    if (item.type === "event") this.#shown = item.cursor;
    const { bufferEvents, bufferChars } = this.#host;
    const room = this.#buffer.length <= bufferEvents / 2 && this.#buffer.size <= bufferChars / 2;
    if (this.#mode === "paused" && room) void this.#fill();
  }

  #pause(): void {
    if (this.#mode === "ended") return;
    this.#mode = "paused";
    this.#pass++;
    this.#ahead.clear();
    this.#host.feeds.leave(this.conversation, this);
  }

  /** Asks for page after page until the feed's next event is ours. */
  async #fill(): Promise<void> {
    this.#mode = "filling";
    const pass = ++this.#pass;
    this.#live = false;
    this.#ahead.clear();
    for (let idle = 0; pass === this.#pass; idle++) {
      const before = this.#position;
      this.#host.feeds.get(this.conversation)?.members.add(this);
      let page: History;
      try {
        page = await this.#askPage();
      } catch (error) {
        if (pass === this.#pass) this.#end(error as TidegateError);
        return;
      }
      if (pass === this.#pass) this.#usePage(page);
      if (pass === this.#pass && this.#attach(page)) return;
      if (this.#position !== before) idle = 0;
      else await this.#host.wait(idle);
    }
  }

  async #askPage(): Promise<History> {
    const own = this.#position;
    const after = own && cursorOf(own);
    const newest = { limit: own ? PAGE : Math.max(1, this.#options.tail ?? 0) };
    try {
      const query = after === undefined ? newest : { after, limit: PAGE };
      return await this.#host.history(this.conversation, query);
    } catch (error) {
      if (!own || (error as TidegateError).code !== "invalid_cursor") throw error;
      // A cursor of another epoch: the newest page tells which one there is now.
      const page = await this.#host.history(this.conversation, { limit: 1 });
      if (page.epoch === own.epoch) throw error;
      return page;
    }
  }

  #usePage(page: History): void {
    const pass = this.#pass;
    const own = this.#position;
    const first = page.events[0];
    if (!own) {
      const seq = this.#options.tail === 0 || !first ? page.head : first.seq - 1;
      this.#position = { epoch: page.epoch, seq };
      this.#shown ??= cursorOf(this.#position);
    } else if (own.epoch !== page.epoch || own.seq < page.floor - 1) {
      const changed = own.epoch !== "" && own.epoch !== page.epoch;
      const lost = changed || own.seq < page.floor - 1;
      this.#position = { epoch: page.epoch, seq: lost ? Math.max(page.floor - 1, 0) : own.seq };
      const reason = changed ? "epoch_changed" : "expired";
      const { epoch, floor } = page;
      if (lost)
        this.#put({ type: "reset", reason, epoch, floor, last: cursorOf(own) }, NOTICE_SIZE);
    }
    for (const item of page.events) {
      if (pass !== this.#pass || !this.#position) return;
      if (place(this.#position.seq, item.seq) === "next") this.#show(item, item.size);
    }
  }

  /** Whether the seam to the feed is found; when there is no feed and no older event, opens one. */
  #attach(page: History): boolean {
    const own = this.#position;
    const feed = this.#host.feeds.get(this.conversation);
    if (!own) return false;
    if (!feed) {
      if (page.more) return false;
      this.#open({ cursor: cursorOf(own) });
      return true;
    }
    if (!feed.members.has(this)) return false;
    const at = feed.position;
    // A feed without a place yet starts behind a cursor that may lie before or after ours.
    if (!at || at.epoch !== own.epoch) return false;
    const ahead = at.seq <= own.seq ? [] : this.#ahead.takeAfter(own.seq);
    if (!ahead) return false;
    this.#mode = "attached";
    this.#ahead.clear();
    for (const { item, size } of ahead) this.onEvent(item, size);
    this.#liveAlready();
    return true;
  }

  /** A feed that went live before this reader joined it does not say so again. */
  #liveAlready(): void {
    const feed = this.#host.feeds.get(this.conversation);
    if (feed?.live && feed.position) this.onLive(feed.position.seq);
  }

  #end(error?: TidegateError): void {
    if (this.#mode === "ended") return;
    this.#mode = "ended";
    this.#pass++;
    this.#live = false;
    this.#ahead.clear();
    this.#host.feeds.leave(this.conversation, this);
    this.#buffer.end(error);
    this.#host.ended(this);
    const { onError } = this.#options;
    if (error && onError) callListener(() => onError(error));
  }
}
