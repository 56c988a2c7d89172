import type { EventTrace, PublishedRun } from "../../ports/backplane.ts";
import { eventPushLead, PUSH_END, PUSH_EVENT_FIELD } from "../../wire/reply.ts";

/** What comes before the seq in a push, by conversation; emptied when there are too many. */
const leads = new Map<string, string>();
const LEADS_MAX = 10_000;

/**
 * A run with the lines that its readers get, made when a reader's gateway asks for them, once and in
 * one piece: as a text of thousands of parts they would be put together again for each socket.
 */
export class LinedRun implements PublishedRun {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly firstSeq: number;
  readonly offsets: readonly number[];
  readonly traces: readonly EventTrace[] | undefined;
  readonly #run: PublishedRun;
  #lines: string | undefined;

  constructor(run: PublishedRun) {
    this.tenant = run.tenant;
    this.conversation = run.conversation;
    this.epoch = run.epoch;
    this.firstSeq = run.firstSeq;
    this.offsets = run.offsets;
    this.traces = run.traces;
    this.#run = run;
  }

  get events(): readonly string[] {
    return this.#run.events;
  }

  get lines(): string {
    return (this.#lines ??= linesOf(this));
  }
}

function linesOf({ conversation, firstSeq, events }: PublishedRun): string {
  const lead = leadOf(conversation);
  const last = events.length - 1;
  let text = "";
  for (let i = 0; i <= last; i++)
    text += `${lead}${firstSeq + i}${PUSH_EVENT_FIELD}${events[i] as string}${i < last ? PUSH_END_LINE : PUSH_END}`;
  // Whoever asks for a character has the parts put together; the compiler drops what nobody uses.
  return text.charCodeAt(0) > 0 ? text : "";
}

const PUSH_END_LINE = `${PUSH_END}\n`;

function leadOf(conversation: string): string {
  let lead = leads.get(conversation);
  if (lead === undefined) {
    if (leads.size >= LEADS_MAX) leads.clear();
    lead = eventPushLead(JSON.stringify(conversation));
    leads.set(conversation, lead);
  }
  return lead;
}
