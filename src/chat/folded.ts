import type { PackedRecord } from "../wire/packed-record.ts";

/** An event that was placed, in the bytes of its record. */
export class PackedPlaced {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly seq: number;
  readonly packed: PackedRecord;

  constructor(
    tenant: string,
    conversation: string,
    epoch: string,
    seq: number,
    packed: PackedRecord,
  ) {
    this.tenant = tenant;
    this.conversation = conversation;
    this.epoch = epoch;
    this.seq = seq;
    this.packed = packed;
  }

  get offset(): number {
    return this.packed.offset;
  }

  get id(): string {
    return this.packed.id;
  }

  get fingerprint(): string {
    return this.packed.fingerprint;
  }

  get event(): string {
    return this.packed.event;
  }
}

/** Events of one conversation of one fold, as text or as bytes. */
export class FoldedRun {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly firstSeq: number;
  readonly offsets: number[] = [];
  packed?: PackedRecord[];
  readonly #events: string[] = [];

  constructor(tenant: string, conversation: string, epoch: string, firstSeq: number) {
    this.tenant = tenant;
    this.conversation = conversation;
    this.epoch = epoch;
    this.firstSeq = firstSeq;
  }

  get events(): readonly string[] {
    return this.packed?.map(({ event }) => event) ?? this.#events;
  }

  add(offset: number, event: string): void {
    this.offsets.push(offset);
    this.#events.push(event);
  }

  addPacked(record: PackedRecord): void {
    this.offsets.push(record.offset);
    this.packed ??= [];
    this.packed.push(record);
  }
}
