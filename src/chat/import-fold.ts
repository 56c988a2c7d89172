import { AppError } from "../errors.ts";

/**
 * Where the offsets of events begin that another log gave their place. They are below all offsets
 * of logs, so they are earlier than every record, and there are more of them than a log can use up.
 */
export const IMPORT_OFFSET_FIRST = -(2 ** 52);

/** An event that was placed elsewhere. */
export interface ImportedEvent {
  readonly id: string;
  readonly fingerprint: string;
  /** To the byte. */
  readonly event: string;
}

/** Adjacent events of one conversation. */
export interface ImportedRun {
  readonly conversation: string;
  /** Where the target's log has the conversation's records. */
  readonly partition: number;
  readonly epoch: string;
  /** Seq of the first event; of the next one that is to come when there are none. */
  readonly seqFirst: number;
  readonly events: readonly ImportedEvent[];
}

/** Events of one partition with the offsets that they get. */
export interface ImportedBatch {
  readonly partition: number;
  readonly offsetFirst: number;
  readonly nextOffset: number;
  readonly events: readonly (ImportedEvent & {
    readonly tenant: string;
    readonly conversation: string;
    readonly epoch: string;
    readonly seq: number;
    readonly offset: number;
  })[];
}

/** What has come of a conversation. */
export interface ImportedConversation {
  readonly partition: number;
  readonly epoch: string;
  readonly floor: number;
  readonly seq: number;
}

/**
 * Gives imported events offsets and checks that each conversation comes in one epoch, in one
 * partition and without holes.
 */
export class ImportFold {
  readonly #tenant: string;
  readonly #next: number[];
  readonly #conversations = new Map<string, ImportedConversation>();
  #events = 0;

  /** @param offsetsFirst the first that is free, by partition */
  constructor(tenant: string, offsetsFirst: readonly number[]) {
    this.#tenant = tenant;
    this.#next = [...offsetsFirst];
  }

  get conversations(): ReadonlyMap<string, ImportedConversation> {
    return this.#conversations;
  }

  get events(): number {
    return this.#events;
  }

  /** @throws row_refused */
  fold(runs: readonly ImportedRun[]): readonly ImportedBatch[] {
    const byPartition = new Map<number, ImportedBatch["events"][number][]>();
    for (const run of runs) {
      const { conversation, partition, epoch, seqFirst } = run;
      this.#advance(run);
      let events = byPartition.get(partition);
      if (events === undefined) byPartition.set(partition, (events = []));
      const offset = (this.#next[partition] as number) + events.length;
      run.events.forEach((event, i) => {
        const { id, fingerprint } = event;
        const place = { seq: seqFirst + i, offset: offset + i };
        events.push({
          tenant: this.#tenant,
          conversation,
          epoch,
          ...place,
          id,
          fingerprint,
          event: event.event,
        });
      });
    }
    const batches: ImportedBatch[] = [];
    for (const [partition, events] of byPartition) {
      if (events.length === 0) continue;
      const offsetFirst = this.#next[partition] as number;
      const nextOffset = offsetFirst + events.length;
      this.#next[partition] = nextOffset;
      this.#events += events.length;
      batches.push({ partition, offsetFirst, nextOffset, events });
    }
    return batches;
  }

  #advance({ conversation, partition, epoch, seqFirst, events }: ImportedRun): void {
    const name = JSON.stringify(conversation);
    if (this.#next[partition] === undefined)
      throw refused(`there is no partition ${partition} for ${name}`);
    if (!Number.isSafeInteger(seqFirst) || seqFirst < 1) throw refused(`${name} has no seq`);
    const before = this.#conversations.get(conversation);
    const follows =
      before === undefined ||
      (before.epoch === epoch && before.partition === partition && before.seq + 1 === seqFirst);
    if (!follows) throw refused(`seq ${seqFirst} of ${name} does not follow ${before.seq}`);
    this.#conversations.set(conversation, {
      partition,
      epoch,
      floor: before?.floor ?? seqFirst,
      seq: seqFirst + events.length - 1,
    });
  }
}

function refused(fault: string): AppError {
  return new AppError("row_refused", `The store refuses a row: ${fault}`);
}
