import type { EventFeed, PartitionId, PlacedEvent } from "../../src/ports/message-store.ts";

/** What comparing needs of an event: its text, most of what it is, is not kept. */
export type Placement = Omit<PlacedEvent, "event" | "packed">;

/**
 * The placed events of a range of offsets, for who walks through it in small pieces. A page of a store
 * that keeps whole batches costs what its batches cost: to read one for each piece would read each
 * batch dozens of times, all on the thread that has the partitions' live delivery.
 */
export class PlacedRange {
  readonly #store: Pick<EventFeed, "feed">;
  readonly #partition: PartitionId;
  readonly #pageEventsMax: number;
  readonly #end: number;
  /** Everything below was read. */
  #read: number;
  #events: readonly Placement[] = [];

  constructor(options: {
    readonly store: Pick<EventFeed, "feed">;
    readonly partition: PartitionId;
    /** Offset of the range's first record. */
    readonly first: number;
    /** The offset behind its last one. */
    readonly end: number;
    readonly pageEventsMax: number;
  }) {
    const { store, partition, first, end, pageEventsMax } = options;
    this.#store = store;
    this.#partition = partition;
    this.#read = first;
    this.#end = end;
    this.#pageEventsMax = pageEventsMax;
  }

  /**
   * The events of the next piece, as far as the store has them: it must be known to be there. The same
   * piece may be asked for again, but none before it.
   * @param first offset of the piece
   * @param end the offset behind it
   * @throws what the store throws
   */
  async piece(first: number, end: number): Promise<readonly Placement[]> {
    this.#events = this.#events.filter(({ offset }) => offset >= first);
    while (this.#read < end) {
      const eventsMax = Math.min(this.#pageEventsMax, this.#end - this.#read);
      const page = await this.#store.feed(this.#partition, this.#read, eventsMax);
      this.#events = this.#events.concat(
        page.events.filter(({ offset }) => offset < this.#end).map((event) => placementOf(event)),
      );
      if (page.nextOffset <= this.#read) break;
      this.#read = page.nextOffset;
    }
    return this.#events.filter(({ offset }) => offset < end);
  }
}

function placementOf(event: PlacedEvent): Placement {
  const { tenant, conversation, epoch, seq, offset, id, fingerprint } = event;
  return { tenant, conversation, epoch, seq, offset, id, fingerprint };
}
