import { traceOf } from "../../src/dead-letters/letter.ts";
import { parseObject, type JsonObject } from "../../src/wire/json-object.ts";
import { keyTime } from "../../src/wire/message-id.ts";
import type { JudgedSighting, Story, StoredMessage, Verdict } from "./story.ts";

export interface TellOptions {
  /** Ms since 1970. */
  readonly now: number;
  /** Ms that stored messages are kept; undefined: for good. */
  readonly keptMs: number | undefined;
  /** Where traces are opened, with `{trace}` for the id. */
  readonly traceUrl: string | undefined;
}

/** What became of the message, in one word and a sentence. */
export interface Summary {
  readonly state: "placed" | "waiting" | "outbox" | "parked" | "refused" | "expired" | "unknown";
  readonly sentence: string;
}

/** A label with what is said under it. */
export type Line = readonly [label: string, text: string];

/** Another message of the same id may have been refused; what was placed is the message. */
export function summarize(story: Story, { now, keptMs }: TellOptions): Summary {
  const { stored, removedFrom, sightings, outbox, deadLetters } = story;
  if (stored !== undefined) {
    const { tenant, conversation, seq } = stored;
    const where = `${tenant} / ${JSON.stringify(conversation)} as seq ${seq}`;
    return {
      state: "placed",
      sentence: `It was placed in ${where}, and every reader can have it.`,
    };
  }
  if (removedFrom !== undefined)
    return {
      state: "expired",
      sentence: "It was placed, and its text has been removed since: it was kept for its time.",
    };
  if (sightings.some(({ verdict }) => verdict === "waiting"))
    return {
      state: "waiting",
      sentence:
        "It is in the log, and delivery has not stored so far yet: look whether consumers run (/readyz) and how far they are behind.",
    };
  if (outbox.some(({ kind }) => kind !== "parked"))
    return {
      state: "outbox",
      sentence:
        "It waits in the outbox for the log: look whether Kafka is there, and whether a consumers process runs the pool outbox.",
    };
  const [letter] = deadLetters;
  if (letter !== undefined)
    return { state: "refused", sentence: `It was refused: ${letter.reason}. Nobody gets it.` };
  const parked = outbox.find(({ kind }) => kind === "parked");
  if (parked !== undefined)
    return { state: "parked", sentence: `The outbox gave it up: ${parked.reason ?? "unknown"}.` };
  if (story.logFault !== undefined)
    return {
      state: "unknown",
      sentence:
        "It is neither stored nor in the outbox: ask again when the log can be read, where it may wait for delivery.",
    };
  const time = keyTime(story.id);
  const isOld = keptMs !== undefined && time !== undefined && now - time > keptMs;
  if (isOld)
    return {
      state: "expired",
      sentence: `Nobody knows it any more: its key is of ${iso(time)}, and messages are kept for ${days(keptMs)}. Whether it ever came cannot be said.`,
    };
  if (story.within !== undefined)
    return {
      state: "unknown",
      sentence: `Tenant ${story.within} does not know it: without --tenant all are looked at.`,
    };
  return {
    state: "unknown",
    sentence:
      "Nobody knows it: no message with this id was acked here. Its sender has no receipt for it, or it was sent to another cluster.",
  };
}

/** The whole story for people. */
export function storyLines(story: Story, options: TellOptions): readonly Line[] {
  const { stored, sightings, outbox, deadLetters, removedFrom, tenant, unread } = story;
  const { state, sentence } = summarize(story, options);
  const time = keyTime(story.id);
  const lines: Line[] = [["message", story.id]];
  if (time !== undefined) lines.push(["key of", `${iso(time)} by its sender's clock`]);
  lines.push(["state", `${state}. ${sentence}`]);
  if (stored !== undefined) lines.push(...storedLines(stored, options));
  if (removedFrom !== undefined) {
    const { topic, partition, offset } = removedFrom;
    lines.push(["placed at", `${topic}/${partition} offset ${offset}; its text is over`]);
  }
  if (tenant?.status !== undefined && tenant.status !== "active")
    lines.push(["tenant", `${tenant.name} is ${tenant.status}: nobody of it may connect`]);
  for (const one of sightings) lines.push(["log", sightingText(one, story)]);
  if (story.logFault !== undefined) lines.push(["log", `cannot be read: ${story.logFault}`]);
  else if (sightings.length === 0 && stored !== undefined)
    lines.push(["log", "has let go of its record (retention), or never had it (import)"]);
  for (const { topic, partition } of unread)
    lines.push(["log", `${topic}/${partition} was not looked through to its end: see --records`]);
  for (const { kind, origin, at, reason } of outbox) {
    const said = kind === "parked" ? `given up: ${reason ?? "unknown"}` : "waits";
    lines.push(["outbox", `${said}; ${kind} ${origin}, ${iso(at)}`]);
  }
  for (const { pool, reason, origin, attempts, keptAt } of deadLetters) {
    const when = keptAt === undefined ? "" : `, ${iso(keptAt)}`;
    lines.push(["dead letter", `${pool}: ${reason}; record ${origin}, tries ${attempts}${when}`]);
  }
  lines.push(...traceLines(story, options));
  return lines;
}

function storedLines(stored: StoredMessage, { keptMs }: TellOptions): readonly Line[] {
  const { tenant, conversation, epoch, seq, head, topic, partition, offset, event } = stored;
  const said: JsonObject = parseObject(event) ?? {};
  const { sender, kind, timestamp } = said;
  const at = typeof timestamp === "number" ? iso(timestamp) : "an unknown time";
  const ends = head === undefined ? "" : `; the conversation has ${head.floor} to ${head.seq} now`;
  const imported = offset < 0 ? ", below the log: it was imported" : "";
  const kept =
    keptMs === undefined || typeof timestamp !== "number"
      ? "for good"
      : `until about ${iso(timestamp + keptMs)} (${days(keptMs)} from its storing)`;
  return [
    ["where", `${tenant} / ${JSON.stringify(conversation)}, seq ${seq} of epoch ${epoch}${ends}`],
    ["sent", `by ${String(sender)}, taken ${at} by the gateway's clock, ${String(kind)}`],
    ["stored", `${topic}/${partition} offset ${offset}${imported}`],
    ["kept", kept],
  ];
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  placed: "placed",
  duplicate: "duplicate",
  refused: "refused (key_conflict: another content under the same key)",
  waiting: "waits for delivery",
};

function sightingText(one: JudgedSighting, { stored, removedFrom }: Story): string {
  const { topic, partition, offset, attempt, verdict, record } = one;
  const first = stored?.offset ?? removedFrom?.offset;
  const of = verdict === "duplicate" && first !== undefined ? ` of offset ${first}` : "";
  const tries = attempt === 0 ? "try not said" : `try ${attempt}`;
  const source = /"source":"([^"\\]{1,100})"/.exec(record.value)?.[1];
  const by = source === undefined ? "" : `, by ${source}`;
  return `${topic}/${partition} offset ${offset}: ${VERDICTS[verdict]}${of}; ${tries}${by}`;
}

function traceLines({ trace, traceIsCarried, deadLetters }: Story, options: TellOptions): Line[] {
  const carried = traceIsCarried || deadLetters.some(({ record }) => traceOf(record) !== undefined);
  const what = carried
    ? "it was sampled: all of its way is there"
    : "it was not sampled, or its record is gone: there are spans of it where it was slow or failed";
  const lines: Line[] = [["trace", `${trace.traceId}; ${what}`]];
  if (options.traceUrl !== undefined)
    lines.push(["", options.traceUrl.replace("{trace}", trace.traceId)]);
  return lines;
}

export function linesText(lines: readonly Line[]): string {
  const width = Math.max(...lines.map(([label]) => label.length));
  return lines.map(([label, text]) => `${label.padEnd(width)}  ${text}\n`).join("");
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function days(ms: number): string {
  return `${Math.round(ms / 86_400_000)} days`;
}
