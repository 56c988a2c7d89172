import type { PublishedRun } from "../src/ports/backplane.ts";
import type { HeadRange, HistoryPage } from "../src/ports/message-store.ts";
import { encodeEventPush, encodeLag, encodeLive, encodeReset } from "../src/wire/reply.ts";
import { Held } from "./held.ts";
import type { ReadConversation, Reader } from "./reader.ts";

/** What a conversation asks of the relay. */
export interface ConversationHost {
  /** Reads a page upwards from `from`; pages asked for at the same time are read once. */
  page(conversation: LocalConversation, from: number): Promise<HistoryPage>;
  /** Asks the store for the head again, because something was missed or does not fit. */
  recheck(conversation: LocalConversation): void;
  /** Calls `run` after the store has got further in the conversation's partition. */
  onStored(conversation: LocalConversation, run: () => void): void;
  /** Counts held characters; false when all conversations together hold too much. */
  holdMore(chars: number): boolean;
  readonly holdCharsMax: number;
  readonly counts: RelayCounts;
}

export interface RelayCounts {
  /** Events handed to sockets. */
  delivered: { value: number };
  gaps: { value: number };
  late: { value: number };
  demoted: { value: number };
  diverged: { value: number };
  pageErrors: { value: number };
  /** Times that held events were dropped because they were too many. */
  holdOverflows: { value: number };
}

/**
 * A conversation with readers on this gateway. Live readers have everything up to `last`; the others
 * are catching up from the store, and from what is held here while the store is behind.
 */
export class LocalConversation implements ReadConversation {
  readonly tenant: string;
  readonly name: string;
  readonly nameJson: string;
  readonly topic: string;
  readonly partition: number;
  readonly #host: ConversationHost;
  readonly #live: Reader[] = [];
  readonly #catching: Reader[] = [];
  #held: Held | undefined;
  /** Publications that came before the head was known. */
  #early: PublishedRun[] | undefined = [];
  #earlyChars = 0;
  #lastOffset = -1;
  #ownerEpoch = 0;
  /** Subscriptions that wait for the head: they keep the conversation here. */
  opening = 0;
  /** Something was missed before the head was known, which may be older than that. */
  missedEarly = false;
  epoch = "";
  last = 0;
  floor = 1;

  constructor(
    host: ConversationHost,
    tenant: string,
    name: string,
    topic: string,
    partition: number,
  ) {
    this.#host = host;
    this.tenant = tenant;
    this.name = name;
    this.nameJson = JSON.stringify(name);
    this.topic = topic;
    this.partition = partition;
  }

  get known(): boolean {
    return this.#early === undefined;
  }

  get readers(): number {
    return this.#live.length + this.#catching.length;
  }

  /**
   * The store's head. The first one makes the conversation known; later ones show what was missed.
   */
  learn(head: HeadRange | undefined): void {
    this.floor = head?.floor ?? 1;
    const early = this.#early;
    if (early !== undefined) {
      this.forgetEarly();
      this.epoch = head?.epoch ?? "";
      this.last = head?.seq ?? 0;
      for (const run of early) this.take(run, this.#ownerEpoch);
      if (this.missedEarly) this.#host.recheck(this);
      return;
    }
    if (head === undefined) return;
    if (this.last > 0 && head.epoch !== this.epoch) this.#startOver(head);
    else if (head.seq > this.last) {
      if (this.last === 0) this.#begin(head.epoch);
      this.#host.counts.gaps.value++;
      this.#jump(head.seq);
    }
  }

  /** A publication: the next events go to the readers, old ones are dropped, a jump is filled. */
  take(run: PublishedRun, ownerEpoch: number): void {
    if (ownerEpoch < this.#ownerEpoch) return;
    this.#ownerEpoch = ownerEpoch;
    if (this.#early !== undefined) {
      this.#keepEarly(run);
      return;
    }
    if (run.epoch !== this.epoch) {
      if (this.last > 0 || run.firstSeq !== 1) {
        this.#host.recheck(this);
        return;
      }
      this.#begin(run.epoch);
    }
    const end = run.firstSeq + run.offsets.length - 1;
    const known = this.last - run.firstSeq;
    if (known >= 0) this.#compare(run, known);
    if (end <= this.last) {
      this.#host.counts.late.value++;
      return;
    }
    if (run.firstSeq > this.last + 1) {
      this.#host.counts.gaps.value++;
      this.#jump(run.firstSeq - 1);
    }
    this.#deliver(run, this.last + 1 - run.firstSeq);
    this.#lastOffset = run.offsets[run.offsets.length - 1] as number;
  }

  /** Stored events: no owner is too old for what the store has. */
  takeStored(run: PublishedRun): void {
    this.take(run, this.#ownerEpoch);
  }

  /** Adds a reader that needs `next` first. Call {@link pump} after its reply is on its way. */
  add(reader: Reader, next: number): void {
    reader.next = next;
    this.#catch(reader);
  }

  remove(reader: Reader): void {
    reader.gone = true;
    const list = reader.catching ? this.#catching : this.#live;
    const at = list.indexOf(reader);
    if (at < 0) return;
    // Order among readers means nothing.
    list[at] = list[list.length - 1] as Reader;
    list.pop();
    this.#letGoOfHeld();
  }

  /** Gives a catching reader what it can take now. Called again when its socket has drained. */
  pump(reader: Reader): void {
    while (!reader.gone && reader.catching && !reader.reading && reader.connection.roomy) {
      if (reader.next > this.last) {
        this.#goLive(reader);
      } else if (
        this.#held !== undefined &&
        !this.#held.empty &&
        this.#held.firstSeq <= reader.next
      ) {
        reader.connection.pushPage(this.#held.textFrom(reader.next));
        this.#host.counts.delivered.value += this.last + 1 - reader.next;
        reader.next = this.last + 1;
      } else if (!reader.parked) {
        this.#readPage(reader);
      } else {
        return;
      }
    }
  }

  #readPage(reader: Reader): void {
    reader.reading = true;
    const from = reader.next;
    this.#host.page(this, from).then(
      (page) => {
        reader.reading = false;
        if (reader.gone) return;
        if (reader.next === from) this.#takePage(reader, page);
        // It was told to start over while the page was on its way.
        else this.pump(reader);
      },
      () => {
        this.#host.counts.pageErrors.value++;
        reader.reading = false;
        this.#park(reader);
      },
    );
  }

  #takePage(reader: Reader, page: HistoryPage): void {
    if (page.epoch !== this.epoch && page.epoch !== "") {
      this.#host.recheck(this);
      this.#park(reader);
      return;
    }
    const first = page.events[0];
    if ((first?.seq ?? page.floor) > reader.next) {
      this.floor = page.floor;
      reader.next = Math.max(reader.next, page.floor);
      reader.connection.reply(encodeReset(this.name, this.epoch, page.floor));
    }
    if (first === undefined) {
      // Published but not stored yet; or all of it is over.
      if (reader.next <= this.last) this.#park(reader);
      else this.pump(reader);
      return;
    }
    let text = "";
    let next = first.seq;
    for (const { seq, event } of page.events) {
      // What the store has beyond the last publication comes with the next one.
      if (seq > this.last) break;
      next = seq + 1;
      const line = encodeEventPush(this.nameJson, seq, event);
      text = text === "" ? line : `${text}\n${line}`;
    }
    this.#host.counts.delivered.value += next - first.seq;
    reader.next = next;
    if (text !== "") reader.connection.pushPage(text);
    this.pump(reader);
  }

  #park(reader: Reader): void {
    reader.parked = true;
    this.#host.onStored(this, () => {
      reader.parked = false;
      this.pump(reader);
    });
  }

  #deliver(run: PublishedRun, skip: number): void {
    const first = run.firstSeq + skip;
    const count = run.offsets.length - skip;
    const text = this.#linesFrom(run, skip);
    if (this.#catching.length > 0)
      text.split("\n").forEach((line, i) => this.#hold(first + i, line));
    this.last = first + count - 1;
    const live = this.#live;
    this.#host.counts.delivered.value += live.length * count;
    for (let i = live.length - 1; i >= 0; i--) {
      const reader = live[i] as Reader;
      if (reader.connection.push(text)) continue;
      this.#host.counts.delivered.value -= count;
      this.#demote(i, first);
    }
    // With room and everything it needs held, a catching reader gets there now.
    for (const reader of this.#catching.slice()) if (!reader.reading) this.pump(reader);
  }

  /** The lines that readers get of a run's events, without the first `skip`. */
  #linesFrom(run: PublishedRun, skip: number): string {
    const { lines } = run;
    if (lines !== undefined) return skip === 0 ? lines : lines.slice(lineStart(lines, skip));
    let text = "";
    for (let i = skip; i < run.events.length; i++) {
      const line = encodeEventPush(this.nameJson, run.firstSeq + i, run.events[i] as string);
      text = i === skip ? line : `${text}\n${line}`;
    }
    return text;
  }

  /** The first event: readers who came before it learn the epoch that their cursors need. */
  #begin(epoch: string): void {
    this.epoch = epoch;
    const line = encodeReset(this.name, epoch, 1);
    for (const reader of this.#live) reader.connection.reply(line);
    for (const reader of this.#catching) reader.connection.reply(line);
  }

  /** Events up to `head` were missed: every live reader reads them from the store. */
  #jump(head: number): void {
    this.#dropHeld();
    // The offset of `head` is not known.
    this.#lastOffset = -1;
    const from = this.last + 1;
    this.last = head;
    const readers = this.#live.splice(0);
    for (const reader of readers) {
      reader.next = from;
      reader.announce = false;
      this.#catch(reader);
    }
    for (const reader of readers) this.pump(reader);
  }

  #demote(at: number, next: number): void {
    const reader = this.#live[at] as Reader;
    this.#live[at] = this.#live[this.#live.length - 1] as Reader;
    this.#live.pop();
    this.#host.counts.demoted.value++;
    reader.next = next;
    reader.announce = true;
    this.#catch(reader);
    reader.connection.reply(encodeLag(this.name, next, this.last));
  }

  #catch(reader: Reader): void {
    reader.catching = true;
    this.#catching.push(reader);
    reader.connection.catchUp(reader);
  }

  #goLive(reader: Reader): void {
    const at = this.#catching.indexOf(reader);
    this.#catching[at] = this.#catching[this.#catching.length - 1] as Reader;
    this.#catching.pop();
    reader.catching = false;
    this.#live.push(reader);
    reader.connection.caughtUp(reader);
    if (reader.announce) reader.connection.reply(encodeLive(this.name, this.last));
    this.#letGoOfHeld();
  }

  /** Another epoch: what the readers have is of another history. */
  #startOver(head: HeadRange): void {
    this.epoch = head.epoch;
    this.last = head.seq;
    this.#lastOffset = -1;
    this.#dropHeld();
    for (const reader of this.#live.splice(0)) this.#catch(reader);
    for (const reader of this.#catching.slice()) {
      reader.next = head.floor;
      reader.announce = true;
      reader.connection.reply(encodeReset(this.name, head.epoch, head.floor));
      this.pump(reader);
    }
  }

  #hold(seq: number, line: string): void {
    if (!this.#host.holdMore(line.length)) {
      this.#host.holdMore(-line.length);
      this.#host.counts.holdOverflows.value++;
      this.#dropHeld();
      return;
    }
    const held = (this.#held ??= new Held());
    const before = held.chars + line.length;
    held.add(seq, line, this.#host.holdCharsMax);
    if (held.chars === before) return;
    this.#host.counts.holdOverflows.value++;
    this.#host.holdMore(held.chars - before);
  }

  /** What is missing in what is held makes the rest useless: it is read from the store. */
  #dropHeld(): void {
    if (this.#held === undefined) return;
    this.#host.holdMore(-this.#held.chars);
    this.#held.clear();
  }

  #letGoOfHeld(): void {
    if (this.#held === undefined || this.#catching.length > 0) return;
    this.#dropHeld();
    this.#held = undefined;
  }

  /** Lets go of the publications that came before the head was known, which is known now or never. */
  forgetEarly(): void {
    this.#early = undefined;
    this.#host.holdMore(-this.#earlyChars);
    this.#earlyChars = 0;
  }

  /** Beyond the bound of what is held, all goes: the head is then asked for once more. */
  #keepEarly(run: PublishedRun): void {
    const early = this.#early as PublishedRun[];
    const chars = run.lines?.length ?? run.events.reduce((sum, event) => sum + event.length, 0);
    early.push(run);
    this.#earlyChars += chars;
    const fits = this.#host.holdMore(chars);
    if (fits && this.#earlyChars <= this.#host.holdCharsMax) return;
    this.#host.counts.holdOverflows.value++;
    this.#host.holdMore(-this.#earlyChars);
    this.#earlyChars = 0;
    this.missedEarly = true;
    early.length = 0;
  }

  /** The same seq must be the same record: another offset means that two histories were sequenced. */
  #compare(run: PublishedRun, index: number): void {
    if (index >= run.offsets.length || this.#lastOffset < 0) return;
    if (run.offsets[index] !== this.#lastOffset) this.#host.counts.diverged.value++;
  }
}

/** Where line `number` begins, counted from 0. */
function lineStart(lines: string, number: number): number {
  let at = 0;
  for (let i = 0; i < number; i++) at = lines.indexOf("\n", at) + 1;
  return at;
}
