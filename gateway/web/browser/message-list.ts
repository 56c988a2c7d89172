import type { EventItem } from "../../../src/client/tidegate.ts";
import { makeMessage } from "./message-view.ts";
import type { TimelineView } from "./timeline.ts";

/** The placed messages in the document, each with its place among its neighbours. */
export class MessageList implements TimelineView {
  readonly #list: HTMLElement;
  readonly #scroller: HTMLElement;
  readonly #user: string;
  #items: EventItem[] = [];
  /** The last seq that was read when the room was opened. */
  readonly #readSeq: number | undefined;
  #dividerSeq: number | undefined;

  constructor(list: HTMLElement, scroller: HTMLElement, user: string, readSeq: number | undefined) {
    this.#list = list;
    this.#scroller = scroller;
    this.#user = user;
    this.#readSeq = readSeq;
    list.replaceChildren();
  }

  append(items: readonly EventItem[]): void {
    for (const item of items) {
      this.#list.append(this.#make(item, this.#items.at(-1)));
      this.#items.push(item);
    }
  }

  prepend(items: readonly EventItem[]): void {
    this.#keepPlace(() => {
      const rows = items.map((item, index) => this.#make(item, items[index - 1]));
      const first = this.#items[0];
      this.#items = [...items, ...this.#items];
      // The former first one has somebody before it now.
      if (first) this.#list.firstElementChild?.replaceWith(this.#make(first, items.at(-1)));
      this.#list.prepend(...rows);
    });
  }

  dropFirst(count: number): void {
    this.#keepPlace(() => {
      this.#items.splice(0, count);
      for (let i = 0; i < count; i++) this.#list.firstElementChild?.remove();
      const first = this.#items[0];
      if (first) this.#list.firstElementChild?.replaceWith(this.#make(first, undefined));
    });
  }

  dropLast(count: number): void {
    this.#items.splice(-count, count);
    for (let i = 0; i < count; i++) this.#list.lastElementChild?.remove();
  }

  clear(): void {
    this.#items = [];
    this.#list.replaceChildren();
  }

  #make(item: EventItem, before: EventItem | undefined): HTMLElement {
    if (this.#dividerSeq === undefined && this.#readSeq !== undefined) {
      const unread = item.seq > this.#readSeq && item.event.sender !== this.#user;
      if (unread) this.#dividerSeq = item.seq;
    }
    return makeMessage(item, {
      user: this.#user,
      before,
      firstUnread: item.seq === this.#dividerSeq,
    });
  }

  /** Changes what lies above without moving what the reader looks at. */
  #keepPlace(change: () => void): void {
    const fromEnd = this.#scroller.scrollHeight - this.#scroller.scrollTop;
    change();
    this.#scroller.scrollTop = this.#scroller.scrollHeight - fromEnd;
  }
}
