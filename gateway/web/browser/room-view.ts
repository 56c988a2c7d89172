import type { Client, Item, Refusal, Sending, Subscription } from "../../../src/client/tidegate.ts";
import { byId } from "./dom.ts";
import type { Latency } from "./latency.ts";
import { MessageList } from "./message-list.ts";
import { spokenText } from "./message-view.ts";
import { PendingList } from "./pending-list.ts";
import { reasonText } from "./reasons.ts";
import { PAGE, Timeline } from "./timeline.ts";

const NEAR_PX = 60;
/** How far from an end the next page is asked for. */
const AHEAD_PX = 600;

export interface RoomViewOptions {
  readonly client: Client;
  readonly room: string;
  readonly user: string;
  readonly latency: Latency;
  /** The last seq that was read before, if any. */
  readonly readSeq: number | undefined;
  /** Everything up to this cursor has been on the screen. */
  readonly onRead: (cursor: string) => void;
  readonly onLatency: () => void;
}

/** The open room: what is on the screen, where the reader looks, what is on its way. */
export class RoomView {
  readonly room: string;
  readonly #options: RoomViewOptions;
  readonly #scroller = byId("scroller", HTMLDivElement);
  readonly #latest = byId("latest", HTMLButtonElement);
  readonly #edge = byId("edge", HTMLParagraphElement);
  readonly #announcer = byId("announcer", HTMLDivElement);
  readonly #timeline: Timeline;
  readonly #pending: PendingList;
  readonly #subscription: Subscription;
  readonly #stop = new AbortController();
  readonly #resize: ResizeObserver;
  #stuck = true;
  #unseen = 0;
  #live = false;
  #drawing = 0;

  constructor(options: RoomViewOptions) {
    const { client, room, user, readSeq } = options;
    this.#options = options;
    this.room = room;
    const list = byId("messages", HTMLOListElement);
    const messages = new MessageList(list, this.#scroller, user, readSeq);
    this.#timeline = new Timeline(messages, {
      history: (query) => client.history(room, query),
      failed: (error) => {
        this.#edge.textContent = `Messages cannot be read: ${error.message}`;
      },
    });
    const changed = (): void => this.#drawSoon();
    this.#pending = new PendingList(byId("pending", HTMLOListElement), client, changed);
    for (const sending of client.pending(room)) this.#pending.add(sending);
    this.#edge.textContent = "Loading …";
    this.#subscription = client.subscribe(room, {
      tail: PAGE,
      onItem: (item) => this.#take(item),
      onError: (error) => {
        this.#edge.textContent = `This room cannot be read: ${reasonText(error)}.`;
      },
    });
    const { signal } = this.#stop;
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    this.#latest.addEventListener("click", () => void this.toEnd(), { signal });
    document.addEventListener("visibilitychange", () => this.#markRead(), { signal });
    window.addEventListener("focus", () => this.#markRead(), { signal });
    this.#resize = new ResizeObserver(changed);
    this.#resize.observe(this.#scroller);
    this.#draw();
  }

  /** Puts a message of one's own on the screen. */
  sent(sending: Sending): void {
    this.#pending.add(sending);
    void this.toEnd();
  }

  refused(refusal: Refusal): void {
    this.#pending.refused(refusal.key, refusal);
  }

  /** Shows the newest message and stays there. */
  async toEnd(): Promise<void> {
    this.#stuck = true;
    this.#unseen = 0;
    this.#draw();
    await this.#timeline.jumpToEnd();
    if (this.#stop.signal.aborted) return;
    this.#stuck = true;
    this.#draw();
  }

  close(): void {
    this.#stop.abort();
    this.#timeline.close();
    this.#resize.disconnect();
    cancelAnimationFrame(this.#drawing);
    this.#subscription.close();
  }

  #take(item: Item): void {
    if (item.type === "event") {
      const { key, sender } = item.event;
      const own = sender === this.#options.user;
      if (own) {
        this.#options.latency.seen(key);
        this.#pending.placed(key);
        this.#options.onLatency();
      }
      this.#timeline.live(item, this.#stuck);
      if (this.#live && !own) {
        if (!this.#stuck) this.#unseen++;
        this.#announcer.textContent = spokenText(item);
      }
    } else if (item.type === "live") this.#live = true;
    else if (item.type === "reset") {
      this.#live = false;
      this.#timeline.reset(item.floor);
    }
    this.#drawSoon();
  }

  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const below = scrollHeight - scrollTop - clientHeight;
    this.#stuck = below < NEAR_PX && this.#timeline.following;
    if (this.#stuck) this.#unseen = 0;
    if (scrollTop < AHEAD_PX) void this.#load(this.#timeline.loadOlder());
    else if (below < AHEAD_PX) void this.#load(this.#timeline.loadNewer());
    this.#drawLabels();
    this.#markRead();
  }

  async #load(page: Promise<void>): Promise<void> {
    await page;
    this.#drawSoon();
  }

  /** Many messages of one moment are drawn once. */
  #drawSoon(): void {
    if (this.#drawing !== 0 || this.#stop.signal.aborted) return;
    this.#drawing = requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#draw();
    });
  }

  #draw(): void {
    if (this.#stuck) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#drawLabels();
    this.#markRead();
  }

  #drawLabels(): void {
    const { items, reachedStart, following } = this.#timeline;
    if (items.length > 0)
      this.#edge.textContent = reachedStart ? "The beginning of this room" : "…";
    else if (this.#live) this.#edge.textContent = "Nothing here yet. Say hello!";
    const away = !this.#stuck || !following;
    this.#latest.hidden = !away;
    this.#latest.textContent =
      this.#unseen > 0
        ? `${this.#unseen} new message${this.#unseen === 1 ? "" : "s"} ↓`
        : "Newest messages ↓";
  }

  #markRead(): void {
    const last = this.#timeline.items.at(-1);
    const looking = document.visibilityState === "visible" && document.hasFocus();
    if (last && this.#stuck && looking) this.#options.onRead(last.cursor);
  }
}
