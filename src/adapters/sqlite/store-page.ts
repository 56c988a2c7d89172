import type {
  FeedPage,
  HeadRange,
  HistoryPage,
  IdEntry,
  PlacedEvent,
  StoredEvent,
} from "../../ports/message-store.ts";
import type { FeedRuns, HeadColumns, HistoryLines } from "./store-reader.ts";
import { decodeEvents, decodeLine } from "./store-run.ts";

export function decodeHeads(columns: HeadColumns): ReadonlyMap<string, HeadRange> {
  const heads = new Map<string, HeadRange>();
  columns.conversations.forEach((name, i) => {
    heads.set(name, {
      epoch: columns.epochs[i] as string,
      seq: columns.seqs[i] as number,
      floor: columns.floors[i] as number,
    });
  });
  return heads;
}

export function decodeHistory(lines: HistoryLines): HistoryPage {
  const { epoch, seq, floor, seqFirst, count } = lines;
  const events: StoredEvent[] = [];
  if (count > 0)
    for (const event of lines.events.split("\n"))
      events.push({ seq: seqFirst + events.length, event });
  return { epoch, seq, floor, events };
}

export function decodeWindow(lines: string): readonly IdEntry[] {
  if (lines === "") return [];
  return lines.split("\n").map((line) => decodeLine(line, ""));
}

/** Runs of whole batches as events in offset order, from an offset on and no more than asked for. */
export function decodeFeed(feed: FeedRuns, from: number, eventsMax: number): FeedPage {
  const all: PlacedEvent[] = [];
  for (const { tenant, conversation, epoch, seqLast, count, ...run } of feed.runs) {
    const meta = run.meta.split("\n");
    const texts = decodeEvents(run.events).split("\n");
    for (let i = 0; i < count; i++) {
      const event = texts[i] as string;
      const line = decodeLine(meta[i] as string, event);
      if (line.offset < from) continue;
      const seq = seqLast - count + 1 + i;
      all.push({ tenant, conversation, epoch, seq, ...line, event });
    }
  }
  all.sort((a, b) => a.offset - b.offset);
  const cut = all[eventsMax];
  return cut === undefined
    ? { events: all, nextOffset: feed.nextOffset }
    : { events: all.slice(0, eventsMax), nextOffset: cut.offset };
}
