import type { MemoryDisk } from "../../src/adapters/memory/event-log-disk.ts";
import { tenantOfTopic } from "../../src/topics.ts";
import { conversationFault } from "../../src/wire/name.ts";
import type { LogRecord } from "../../src/wire/record.ts";

/** What has to become of one record of the log. */
export interface Verdict {
  readonly kind: "placed" | "duplicate" | "refused";
  readonly id: string;
  readonly record: LogRecord;
  readonly offset: number;
}

/** A conversation as it has to be: event `i` has seq `i + 1`. */
export interface Truth {
  readonly epoch: string;
  readonly lines: string[];
  readonly offsets: number[];
}

/**
 * The verdict of section 3 written down a second time, as plainly as possible and with the whole
 * log in hand: no window that forgets, no heads that leave, no store.
 */
export class Oracle {
  readonly #disk: MemoryDisk;
  readonly #windowOffsets: number;
  readonly #verdicts = new Map<string, Verdict[]>();
  readonly #accepted = new Map<string, Map<string, { offset: number; fingerprint: string }>>();
  readonly #conversations = new Map<string, Truth>();
  readonly #placements = new Map<string, number>();
  readonly #byId = new Map<string, Verdict[]>();

  constructor(disk: MemoryDisk, windowOffsets: number) {
    this.#disk = disk;
    this.#windowOffsets = windowOffsets;
  }

  /** The conversation as the log up to now has it. */
  conversation(tenant: string, name: string): Truth | undefined {
    this.#sync();
    return this.#conversations.get(`${tenant}/${name}`);
  }

  verdict(topic: string, partition: number, offset: number): Verdict | undefined {
    this.#sync();
    return this.#verdicts.get(`${topic}/${partition}`)?.[offset];
  }

  verdicts(topic: string, partition: number): readonly Verdict[] {
    this.#sync();
    return this.#verdicts.get(`${topic}/${partition}`) ?? [];
  }

  /** How often an id was placed. */
  placements(id: string): number {
    this.#sync();
    return this.#placements.get(id) ?? 0;
  }

  /** What became of all records with an id, in log order. */
  verdictsOf(id: string): readonly Verdict[] {
    this.#sync();
    return this.#byId.get(id) ?? [];
  }

  /** The offset of a conversation's messages by key; of one that was placed twice the first. */
  placed(tenant: string, conversation: string): ReadonlyMap<string, number> {
    const places = new Map<string, number>();
    const truth = this.conversation(tenant, conversation);
    truth?.lines.forEach((line, i) => {
      const { key } = JSON.parse(line) as { key: string };
      if (!places.has(key)) places.set(key, truth.offsets[i] as number);
    });
    return places;
  }

  /** Topics of tenants with their partitions. */
  topics(): readonly { readonly name: string; readonly partitions: number }[] {
    return [...this.#disk.topics.values()]
      .map((topic) => topic.info)
      .filter((info) => tenantOfTopic(info.name) !== undefined);
  }

  #sync(): void {
    for (const [name, topic] of this.#disk.topics) {
      const tenant = tenantOfTopic(name);
      if (tenant === undefined) continue;
      topic.partitions.forEach((partition, index) => {
        const key = `${name}/${index}`;
        let verdicts = this.#verdicts.get(key);
        if (verdicts === undefined) this.#verdicts.set(key, (verdicts = []));
        if (verdicts.length === partition.end) return;
        for (const chunk of partition.chunks) {
          if (chunk.base + chunk.records.length <= verdicts.length) continue;
          for (const record of chunk.records) {
            const verdict = this.#judge(
              tenant,
              key,
              topic.info.incarnation,
              record,
              verdicts.length,
            );
            verdicts.push(verdict);
            const same = this.#byId.get(verdict.id);
            if (same === undefined) this.#byId.set(verdict.id, [verdict]);
            else same.push(verdict);
          }
        }
      });
    }
  }

  #judge(
    tenant: string,
    partition: string,
    incarnation: string,
    record: LogRecord,
    offset: number,
  ): Verdict {
    const [, attempt, fingerprint, id, headEnd, bodyStart] =
      record.headers["tidegate"]?.split(" ") ?? [];
    if (
      id === undefined ||
      fingerprint === undefined ||
      conversationFault(record.key) !== undefined
    )
      return { kind: "refused", id: "", record, offset };
    let accepted = this.#accepted.get(partition);
    if (accepted === undefined)
      this.#accepted.set(
        partition,
        (accepted = new Map<string, { offset: number; fingerprint: string }>()),
      );
    const last = accepted.get(id);
    const counts =
      last !== undefined && (attempt !== "1" || offset - last.offset <= this.#windowOffsets);
    if (counts)
      return {
        kind: last.fingerprint === fingerprint ? "duplicate" : "refused",
        id,
        record,
        offset,
      };
    accepted.set(id, { offset, fingerprint });
    this.#placements.set(id, (this.#placements.get(id) ?? 0) + 1);
    this.#place(tenant, incarnation, record, offset, Number(headEnd), Number(bodyStart));
    return { kind: "placed", id, record, offset };
  }

  #place(
    tenant: string,
    incarnation: string,
    record: LogRecord,
    offset: number,
    headEnd: number,
    bodyStart: number,
  ): void {
    const name = `${tenant}/${record.key}`;
    let truth = this.#conversations.get(name);
    if (truth === undefined) {
      truth = { epoch: `${incarnation}${offset.toString(36)}`, lines: [], offsets: [] };
      this.#conversations.set(name, truth);
    }
    const { value } = record;
    truth.lines.push(`${value.slice(0, headEnd)},${value.slice(bodyStart, -1)}`);
    truth.offsets.push(offset);
  }
}
