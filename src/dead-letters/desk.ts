import { AppError } from "../errors.ts";
import { messageRow, type MessageRowOptions } from "../placing/message-row.ts";
import type {
  DeadLetterDetail,
  DeadLetterPage,
  DeadLetterQuery,
  DeadLetters,
  DeadLetterSummary,
  Redriven,
} from "../ports/dead-letters.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { Outbox, OutboxRow } from "../ports/outbox.ts";
import { DEAD_LETTER_POOLS } from "../topics.ts";
import { parseVerdictHeader, TRACEPARENT } from "../wire/record.ts";
import { traceOf, type DeadLetter } from "./letter.ts";
import { listLetters } from "./list.ts";
import { Marks } from "./marks.ts";
import { messageOf } from "./message.ts";
import { safeText } from "./safe-text.ts";
import { parkedSource, topicSource, type FoundLetter, type LetterSource } from "./source.ts";

export interface DeadLetterDeskOptions extends MessageRowOptions {
  readonly log: EventLog;
  /** Whose parked rows are letters too; undefined where there is no outbox. */
  readonly outbox?: Pick<Outbox, "parked"> | undefined;
}

/** Of what is shown beside the value. */
const SHORT_CHARS_MAX = 1_000;

/** Dead letters over the log that has their topics, and the outbox that parks what the log refuses. */
export class DeadLetterDesk implements DeadLetters {
  readonly #options: DeadLetterDeskOptions;
  readonly #sources: readonly LetterSource[];
  readonly #marks: Marks;

  constructor(options: DeadLetterDeskOptions) {
    const { log, outbox, limits } = options;
    this.#options = options;
    this.#marks = new Marks(log, limits.deadLetterMarksMax);
    this.#sources = [
      ...DEAD_LETTER_POOLS.map((pool) => topicSource(log, pool)),
      ...(outbox === undefined ? [] : [parkedSource(outbox, limits.parkedListMax)]),
    ];
  }

  async list(query: DeadLetterQuery): Promise<DeadLetterPage> {
    await this.#marks.refresh();
    const sources = this.#sources.filter(
      ({ pool }) => query.pool === undefined || pool === query.pool,
    );
    const { found, next } = await listLetters(sources, query, this.#options.limits);
    return { letters: found.map((one) => this.#summary(one)), next };
  }

  async find(id: string): Promise<DeadLetterDetail | undefined> {
    const found = await this.#find(id);
    if (found === undefined) return undefined;
    await this.#marks.refresh();
    const { key, headers, value } = found.letter.record;
    const { deadLetterValueCharsMax } = this.#options.limits;
    return {
      ...this.#summary(found),
      key: safeText(key, SHORT_CHARS_MAX),
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, text]) => [
          safeText(name, SHORT_CHARS_MAX),
          safeText(text, SHORT_CHARS_MAX),
        ]),
      ),
      value: safeText(value, deadLetterValueCharsMax),
      valueChars: value.length,
    };
  }

  async redrive(id: string, again: boolean): Promise<Redriven> {
    const { log, clock } = this.#options;
    const found = await this.#find(id);
    if (found === undefined) throw new AppError("not_found", `there is no dead letter ${id}`);
    await this.#marks.refresh();
    const before = this.#marks.at(found.mark);
    if (before !== undefined && !again)
      throw new AppError(
        "already_redriven",
        `it was sent again at ${new Date(before).toISOString()}`,
      );
    const { topic, partition, record } = await this.#rowOf(found.letter);
    const message = parseVerdictHeader(record)?.id ?? "";
    const offset = await append(log, { topic, partition, record });
    const redrivenAt = clock.now();
    const placed = { id, message, topic, partition, offset, redrivenAt };
    try {
      await this.#marks.add(found.mark, redrivenAt, message);
      return { ...placed, marked: true };
    } catch (error) {
      // It is in the log: a failure now would say that it is not.
      if (error instanceof AppError) return { ...placed, marked: false };
      throw error;
    }
  }

  async #find(id: string): Promise<FoundLetter | undefined> {
    const colon = id.indexOf(":");
    const source = this.#sources.find(({ pool }) => pool === id.slice(0, colon));
    return source?.find(id.slice(colon + 1));
  }

  /** The record that every other message like it has. @throws redrive_refused */
  async #rowOf(letter: DeadLetter): Promise<OutboxRow> {
    const { catalog, digest, limits, source } = this.#options;
    const said = messageOf(letter);
    if ("obstacle" in said) throw new AppError("redrive_refused", said.obstacle);
    const sentAt = said.sentAt ?? this.#options.clock.now();
    const row = await messageRow(said.message, {
      catalog,
      digest,
      limits,
      source,
      clock: { ...this.#options.clock, now: () => sentAt },
    });
    if ("fault" in row) throw new AppError("redrive_refused", row.fault);
    const header = parseVerdictHeader(row.record);
    // Its id is made of who sent what where, so another one would be another's message.
    if (said.id !== undefined && header?.id !== said.id)
      throw new AppError(
        "redrive_refused",
        "its id is not that of its sender, conversation and key",
      );
    const trace = traceOf(letter.record);
    if (trace === undefined) return row;
    const headers = { ...row.record.headers, [TRACEPARENT]: trace };
    return { ...row, record: { ...row.record, headers } };
  }

  #summary({ id, mark, letter }: FoundLetter): DeadLetterSummary {
    const said = messageOf(letter);
    const safe = (text: string): string => safeText(text, SHORT_CHARS_MAX);
    return {
      id: safe(id),
      pool: letter.pool,
      reason: safe(letter.reason),
      tenant: safe(letter.tenant === "" && "message" in said ? said.message.tenant : letter.tenant),
      origin: safe(letter.origin),
      attempts: letter.attempts,
      keptAt: letter.keptAt,
      trace: traceOf(letter.record),
      redrivenAt: this.#marks.at(mark),
      obstacle: "obstacle" in said ? said.obstacle : undefined,
    };
  }
}

/** @throws redrive_refused for what the log never takes; what else it throws may pass */
async function append(log: EventLog, { topic, partition, record }: OutboxRow): Promise<number> {
  try {
    return await log.append(topic, partition, [record]);
  } catch (cause) {
    if (cause instanceof AppError && cause.code === "record_too_large")
      throw new AppError("redrive_refused", cause.message, { cause });
    throw cause;
  }
}
