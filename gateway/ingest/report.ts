import type { AppError } from "../../src/errors.ts";
import type { Durability } from "../../src/wire/frame.ts";
import type { IngestFault, IngestReply } from "../../src/wire/http.ts";
import { errorBody } from "../../src/wire/reply.ts";

interface Place {
  readonly topic: string;
  /** −1: the outbox. */
  readonly partition: number;
  count: number;
  firstLine: number;
  lastLine: number;
  firstOffset: number;
  lastOffset: number;
}

const OUTBOX = -1;

/** What became of a body's lines: one entry a partition, one for each kind of fault. */
export class IngestReport {
  readonly #request: string;
  readonly #durability: Durability;
  /** By topic, then by partition + 1. */
  readonly #places = new Map<string, Place[]>();
  readonly #faults = new Map<string, { readonly error: AppError; readonly lines: number[] }>();
  /** The first fault, and the one that no client may take for "not taken". */
  #worst: AppError | undefined;
  accepted = 0;
  refused = 0;
  /** Why the body was not read to its end. */
  stopped: AppError | undefined;
  /** The last line that was dealt with. */
  lines = 0;

  /** @param durability of what is in the log */
  constructor(request: string, durability: Durability) {
    this.#request = request;
    this.#durability = durability;
  }

  /** Lines `first` … `last`, `count` of them, are in the log at adjacent offsets from `base` on. */
  kept(
    topic: string,
    partition: number,
    base: number,
    count: number,
    first: number,
    last: number,
  ): void {
    this.accepted += count;
    let places = this.#places.get(topic);
    if (places === undefined) this.#places.set(topic, (places = []));
    const place = places[partition + 1];
    const end = base + count - 1;
    if (place === undefined) {
      places[partition + 1] = {
        topic,
        partition,
        count,
        firstLine: first,
        lastLine: last,
        firstOffset: base,
        lastOffset: end,
      };
      return;
    }
    place.count += count;
    if (first < place.firstLine) place.firstLine = first;
    if (last > place.lastLine) place.lastLine = last;
    if (base < place.firstOffset) place.firstOffset = base;
    if (end > place.lastOffset) place.lastOffset = end;
  }

  /** The outbox has the line's message, which has no offset yet. */
  keptInOutbox(topic: string, line: number): void {
    this.kept(topic, OUTBOX, 0, 1, line, line);
  }

  fault(line: number, error: AppError): void {
    this.refused++;
    if (this.#worst === undefined || error.code === "unknown_outcome") this.#worst = error;
    const key = `${error.code} ${error.message}`;
    const same = this.#faults.get(key);
    if (same === undefined) this.#faults.set(key, { error, lines: [line] });
    else same.lines.push(line);
  }

  /** Why nothing was kept; undefined when something was, or there was nothing to keep. */
  get failure(): AppError | undefined {
    return this.accepted > 0 ? undefined : (this.#worst ?? this.stopped);
  }

  summary(): Pick<IngestReply, "request" | "lines" | "accepted" | "complete" | "stopped"> {
    const { lines, accepted, stopped } = this;
    const complete = stopped === undefined;
    const summary = { request: this.#request, lines, accepted, complete };
    return stopped === undefined ? summary : { ...summary, stopped: errorBody(stopped) };
  }

  reply(): IngestReply {
    const kept: IngestReply["kept"] = [];
    for (const places of this.#places.values())
      for (const place of places) if (place !== undefined) kept.push(this.#rangeOf(place));
    const faults = [...this.#faults.values()].map(({ error, lines }): IngestFault => ({
      lines: merge(lines),
      ...errorBody(error),
    }));
    return { ...this.summary(), kept, faults };
  }

  #rangeOf(place: Place): IngestReply["kept"][number] {
    const { topic, partition, count } = place;
    const lines: [number, number] = [place.firstLine, place.lastLine];
    if (partition === OUTBOX) return { topic, durability: "outbox", count, lines };
    const offsets: [string, string] = [String(place.firstOffset), String(place.lastOffset)];
    return { topic, durability: this.#durability, count, lines, partition, offsets };
  }
}

/** Ranges, both ends included. */
function merge(lines: readonly number[]): [number, number][] {
  const ranges: [number, number][] = [];
  let last: [number, number] | undefined;
  for (const line of [...lines].toSorted((a, b) => a - b)) {
    if (last !== undefined && line <= last[1] + 1) last[1] = line;
    else ranges.push((last = [line, line]));
  }
  return ranges;
}
