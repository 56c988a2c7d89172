import type { EventItem, History } from "../../../src/client/tidegate.ts";

/** Messages in the document at a time; older and newer ones are read back when they are wanted. */
export const WINDOW_MAX = 400;
export const PAGE = 60;

/** What became of the shown window. */
export interface TimelineView {
  append(items: readonly EventItem[]): void;
  prepend(items: readonly EventItem[]): void;
  dropFirst(count: number): void;
  dropLast(count: number): void;
  clear(): void;
}

export interface TimelineSource {
  history(query: { after?: string; before?: string; limit: number }): Promise<History>;
  /** A page could not be read. */
  failed(error: Error): void;
}

/** A bounded, unbroken run of a room's messages, which follows the end while it is there. */
export class Timeline {
  readonly #view: TimelineView;
  readonly #source: TimelineSource;
  #items: EventItem[] = [];
  #floor = 1;
  #newest: EventItem | undefined;
  #following = true;
  #loading = false;
  /** Raised when what was asked for is not wanted any more. */
  #pass = 0;

  constructor(view: TimelineView, source: TimelineSource) {
    this.#view = view;
    this.#source = source;
  }

  get items(): readonly EventItem[] {
    return this.#items;
  }

  /** Whether the newest message is in the window. */
  get following(): boolean {
    return this.#following;
  }

  get reachedStart(): boolean {
    const first = this.#items[0];
    return first === undefined || first.seq <= this.#floor;
  }

  /** The next live message. @param keep whether the reader is at the end and the first may go */
  live(item: EventItem, keep: boolean): void {
    this.#newest = item;
    if (!this.#following) return;
    const last = this.#items.at(-1);
    if (last && item.seq <= last.seq) return;
    if (last && item.seq > last.seq + 1) {
      this.#following = false;
      return void this.loadNewer();
    }
    this.#append([item]);
    const extra = this.#items.length - WINDOW_MAX;
    if (extra <= 0) return;
    if (keep) this.#dropFirst(extra);
    // Somebody reads further up: what is below is read back when they come down.
    else this.#dropLast(extra);
  }

  /** What is under way is not wanted any more. */
  close(): void {
    this.#pass++;
  }

  /** The room starts over. */
  reset(floor: number): void {
    this.#pass++;
    this.#loading = false;
    this.#items = [];
    this.#newest = undefined;
    this.#following = true;
    this.#floor = floor;
    this.#view.clear();
  }

  async loadOlder(): Promise<void> {
    const first = this.#items[0];
    if (!first || this.reachedStart) return;
    await this.#load({ before: first.cursor, limit: PAGE }, (page) => {
      if (this.#items[0] !== first) return;
      this.#floor = page.floor;
      this.#items = [...page.events, ...this.#items];
      this.#view.prepend(page.events);
      const extra = this.#items.length - WINDOW_MAX;
      if (extra > 0) this.#dropLast(extra);
    });
  }

  async loadNewer(): Promise<void> {
    const last = this.#items.at(-1);
    if (!last || this.#following) return;
    await this.#load({ after: last.cursor, limit: PAGE }, (page) => {
      if (this.#items.at(-1) !== last) return;
      this.#append(page.events);
      this.#followIfAtEnd();
      const extra = this.#items.length - WINDOW_MAX;
      if (extra > 0) this.#dropFirst(extra);
    });
  }

  /** Shows the newest messages, whatever was shown before. */
  async jumpToEnd(): Promise<void> {
    if (this.#following) return;
    this.#pass++;
    this.#loading = false;
    await this.#load({ limit: PAGE }, (page) => {
      this.#items = [];
      this.#view.clear();
      this.#floor = page.floor;
      this.#append(page.events);
      this.#followIfAtEnd();
    });
    // What came while the page was under way is at most a page behind it.
    if (!this.#following) await this.loadNewer();
  }

  #followIfAtEnd(): void {
    const last = this.#items.at(-1);
    this.#following = !this.#newest || (last !== undefined && last.seq >= this.#newest.seq);
  }

  #append(items: readonly EventItem[]): void {
    this.#items.push(...items);
    this.#view.append(items);
  }

  #dropFirst(count: number): void {
    this.#items.splice(0, count);
    this.#view.dropFirst(count);
  }

  #dropLast(count: number): void {
    this.#items.splice(-count, count);
    this.#following = false;
    this.#view.dropLast(count);
  }

  async #load(
    query: { after?: string; before?: string; limit: number },
    use: (page: History) => void,
  ): Promise<void> {
    if (this.#loading) return;
    this.#loading = true;
    const pass = this.#pass;
    try {
      const page = await this.#source.history(query);
      if (pass === this.#pass) use(page);
    } catch (error) {
      if (pass === this.#pass) this.#source.failed(error as Error);
    } finally {
      if (pass === this.#pass) this.#loading = false;
    }
  }
}
