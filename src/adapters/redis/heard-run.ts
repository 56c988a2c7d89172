import type { EventTrace, PublishedRun } from "../../ports/backplane.ts";
import { eventOfPush } from "../../wire/reply.ts";

/** A run that came as the lines that readers get; most of them are only ever passed on. */
export class HeardRun implements PublishedRun {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly firstSeq: number;
  readonly offsets: readonly number[];
  readonly lines: string;
  readonly traces: readonly EventTrace[] | undefined;
  #events: readonly string[] | undefined;

  constructor(run: Omit<PublishedRun, "events" | "packed" | "lines"> & { readonly lines: string }) {
    this.tenant = run.tenant;
    this.conversation = run.conversation;
    this.epoch = run.epoch;
    this.firstSeq = run.firstSeq;
    this.offsets = run.offsets;
    this.lines = run.lines;
    this.traces = run.traces;
  }

  get events(): readonly string[] {
    return (this.#events ??= this.lines.split("\n").map(eventOfPush));
  }
}
