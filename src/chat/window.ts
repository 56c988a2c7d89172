import type { PackedRecord } from "../wire/packed-record.ts";
import { xxHash32 } from "../wire/xx-hash.ts";

/** What the window keeps of an accepted record. */
export interface Accepted {
  readonly offset: number;
  readonly fingerprint: string;
}

const SLOTS_MIN = 1_024;
const ARENA_BYTES_MIN = 64 * 1_024;
const SPACE = 32;
/** UTF-8 of one UTF-16 unit has 3 bytes at most. */
const BYTES_PER_UNIT = 3;
const NONE = -1;
/** Numbers of an entry of the table. */
const ENTRY = 2;

/** `<fingerprint> <id>` of texts, as records have it in their bytes. */
let scratch = Buffer.allocUnsafe(1_024);

/**
 * Accepted ids by offset: those of the last W offsets, and older ones that are not stored yet. An
 * id that is both older than W and stored can be found in the store and is dropped.
 *
 * A ring of numbers and bytes with a hash table over it, not a map of strings: a worker holds W of
 * them, and all that the collector would have to look at is a few arrays.
 */
export class Window {
  readonly #offsets: number;
  readonly #seed: number;
  #size = 0;
  /** Slots in use, in order of acceptance; they grow for ever and are masked. */
  #first = 0;
  #next = 0;
  #mask = SLOTS_MIN - 1;
  #offsetOf = new Float64Array(SLOTS_MIN);
  #hashOf = new Uint32Array(SLOTS_MIN);
  /** Where in the arena `<fingerprint> <id>` begins, and the bytes of each. */
  #placeOf = new Int32Array(SLOTS_MIN);
  #fingerprintBytesOf = new Int32Array(SLOTS_MIN);
  #idBytesOf = new Int32Array(SLOTS_MIN);
  /** 0 where the id has moved to a later slot. */
  #isLive = new Uint8Array(SLOTS_MIN);
  /**
   * Open addressing by hash, never more than half full: slot + 1, and the hash beside it, so that a
   * search stays in one place of memory.
   */
  #table = new Int32Array(ENTRY * 2 * SLOTS_MIN);
  #arena = Buffer.allocUnsafe(ARENA_BYTES_MIN);
  #arenaNext = 0;

  /**
   * @param offsets W, fixed for a topic for ever: the verdict depends on it
   * @param seed of the hash, so that nobody can choose ids that fall together; no verdict depends on it
   */
  constructor(offsets: number, seed = 0) {
    this.#offsets = offsets;
    this.#seed = seed;
  }

  get size(): number {
    return this.#size;
  }

  /** The accepted record with this id, however far back memory reaches. */
  find(id: string): Accepted | undefined {
    const end = writeScratch(id);
    const slot = this.#slotOf(scratch, 0, end, xxHash32(scratch, 0, end, this.#seed));
    return slot === NONE ? undefined : this.#acceptedAt(slot);
  }

  /** As {@link find}, for a record whose verdict's header was read. */
  findPacked(record: PackedRecord): Accepted | undefined {
    const slot = this.#slotOfPacked(record);
    return slot === NONE ? undefined : this.#acceptedAt(slot);
  }

  hasPacked(record: PackedRecord): boolean {
    return this.#slotOfPacked(record) !== NONE;
  }

  /** Whether a first try at `offset` has to look at a record accepted at `earlier`. */
  covers(earlier: number, offset: number): boolean {
    return offset - earlier <= this.#offsets;
  }

  /** Offsets MUST rise from call to call: the order of acceptance is the order of dropping. */
  accept(id: string, offset: number, fingerprint: string): void {
    const end = writeScratch(fingerprint, id);
    const idStart = Buffer.byteLength(fingerprint) + 1;
    this.#add(scratch, 0, idStart - 1, idStart, end, offset, this.#hashScratch(idStart, end));
  }

  acceptPacked(record: PackedRecord): void {
    if (record.text !== undefined) {
      this.accept(record.text.id, record.offset, record.text.fingerprint);
      return;
    }
    const { bytes, fingerprintStart, fingerprintEnd, idStart, idEnd, offset } = record;
    const hash = record.idHash(this.#seed);
    this.#add(bytes, fingerprintStart, fingerprintEnd, idStart, idEnd, offset, hash);
  }

  /** Drops what records from `offset` on need not see and what the store has (below `storedNext`). */
  forget(offset: number, storedNext: number): void {
    const keepFrom = Math.min(offset - this.#offsets, storedNext);
    while (this.#first < this.#next) {
      const slot = this.#first & this.#mask;
      if (this.#isLive[slot] === 1) {
        if ((this.#offsetOf[slot] as number) >= keepFrom) return;
        this.#remove(slot);
      }
      this.#first++;
    }
    this.#arenaNext = 0;
  }

  #acceptedAt(slot: number): Accepted {
    const from = this.#placeOf[slot] as number;
    const to = from + (this.#fingerprintBytesOf[slot] as number);
    return {
      offset: this.#offsetOf[slot] as number,
      fingerprint: this.#arena.toString("utf8", from, to),
    };
  }

  #hashScratch(from: number, to: number): number {
    return xxHash32(scratch, from, to, this.#seed);
  }

  #slotOfPacked(record: PackedRecord): number {
    if (record.text !== undefined) {
      const end = writeScratch(record.text.id);
      return this.#slotOf(scratch, 0, end, this.#hashScratch(0, end));
    }
    return this.#slotOf(record.bytes, record.idStart, record.idEnd, record.idHash(this.#seed));
  }

  #slotOf(bytes: Buffer, from: number, to: number, hash: number): number {
    const table = this.#table;
    const last = table.length - ENTRY;
    const signed = hash | 0;
    for (let at = (hash * ENTRY) & last; ; at = (at + ENTRY) & last) {
      const slot = (table[at] as number) - 1;
      if (slot === NONE) return NONE;
      if (table[at + 1] === signed && this.#isId(slot, bytes, from, to)) return slot;
    }
  }

  #isId(slot: number, bytes: Buffer, from: number, to: number): boolean {
    const length = to - from;
    if (this.#idBytesOf[slot] !== length) return false;
    const place = (this.#placeOf[slot] as number) + (this.#fingerprintBytesOf[slot] as number) + 1;
    return this.#arena.compare(bytes, from, to, place, place + length) === 0;
  }

  #add(
    bytes: Buffer,
    fingerprintStart: number,
    fingerprintEnd: number,
    idStart: number,
    idEnd: number,
    offset: number,
    hash: number,
  ): void {
    // An id that a first try reused beyond W moves to its new place.
    const earlier = this.#slotOf(bytes, idStart, idEnd, hash);
    if (earlier !== NONE) this.#remove(earlier);
    if (this.#next - this.#first > this.#mask) this.#growSlots();
    const length = idEnd - fingerprintStart;
    const place = this.#room(length);
    bytes.copy(this.#arena, place, fingerprintStart, idEnd);
    const slot = this.#next++ & this.#mask;
    this.#offsetOf[slot] = offset;
    this.#hashOf[slot] = hash;
    this.#placeOf[slot] = place;
    this.#fingerprintBytesOf[slot] = fingerprintEnd - fingerprintStart;
    this.#idBytesOf[slot] = idEnd - idStart;
    this.#isLive[slot] = 1;
    this.#enter(slot, hash);
    this.#size++;
  }

  #enter(slot: number, hash: number): void {
    const table = this.#table;
    const last = table.length - ENTRY;
    let at = (hash * ENTRY) & last;
    while (table[at] !== 0) at = (at + ENTRY) & last;
    table[at] = slot + 1;
    table[at + 1] = hash;
  }

  /** Takes a slot out of the table; those behind it move up, so that no search ends too early. */
  #remove(slot: number): void {
    const table = this.#table;
    const last = table.length - ENTRY;
    let hole = ((this.#hashOf[slot] as number) * ENTRY) & last;
    while (table[hole] !== slot + 1) hole = (hole + ENTRY) & last;
    for (let at = (hole + ENTRY) & last; table[at] !== 0; at = (at + ENTRY) & last) {
      const home = ((table[at + 1] as number) * ENTRY) & last;
      // It may only move to where a search from its home still passes.
      if (((at - home) & last) < ((at - hole) & last)) continue;
      table[hole] = table[at] as number;
      table[hole + 1] = table[at + 1] as number;
      hole = at;
    }
    table[hole] = 0;
    this.#isLive[slot] = 0;
    this.#size--;
  }

  #growSlots(): void {
    const count = (this.#mask + 1) * 2;
    const offsetOf = new Float64Array(count);
    const hashOf = new Uint32Array(count);
    const placeOf = new Int32Array(count);
    const fingerprintBytesOf = new Int32Array(count);
    const idBytesOf = new Int32Array(count);
    const isLive = new Uint8Array(count);
    this.#table = new Int32Array(ENTRY * 2 * count);
    let to = 0;
    for (let at = this.#first; at < this.#next; at++, to++) {
      const from = at & this.#mask;
      offsetOf[to] = this.#offsetOf[from] as number;
      hashOf[to] = this.#hashOf[from] as number;
      placeOf[to] = this.#placeOf[from] as number;
      fingerprintBytesOf[to] = this.#fingerprintBytesOf[from] as number;
      idBytesOf[to] = this.#idBytesOf[from] as number;
      isLive[to] = this.#isLive[from] as number;
      if (isLive[to] === 1) this.#enter(to, hashOf[to] as number);
    }
    this.#first = 0;
    this.#next = to;
    this.#mask = count - 1;
    this.#offsetOf = offsetOf;
    this.#hashOf = hashOf;
    this.#placeOf = placeOf;
    this.#fingerprintBytesOf = fingerprintBytesOf;
    this.#idBytesOf = idBytesOf;
    this.#isLive = isLive;
  }

  /** A place for so many bytes in a row: the arena is a ring too. */
  #room(length: number): number {
    for (;;) {
      const first =
        this.#first < this.#next ? (this.#placeOf[this.#first & this.#mask] as number) : 0;
      const isWrapped = this.#first < this.#next && this.#arenaNext <= first;
      if (isWrapped) {
        if (this.#arenaNext + length <= first) break;
      } else {
        if (this.#arenaNext + length <= this.#arena.length) break;
        if (length < first) {
          this.#arenaNext = 0;
          break;
        }
      }
      this.#growArena(length);
    }
    const place = this.#arenaNext;
    this.#arenaNext += length;
    return place;
  }

  #growArena(more: number): void {
    const arena = Buffer.allocUnsafe(Math.max(this.#arena.length * 2, this.#arena.length + more));
    let end = 0;
    for (let at = this.#first; at < this.#next; at++) {
      const slot = at & this.#mask;
      const from = this.#placeOf[slot] as number;
      const length =
        (this.#fingerprintBytesOf[slot] as number) + 1 + (this.#idBytesOf[slot] as number);
      this.#arena.copy(arena, end, from, from + length);
      this.#placeOf[slot] = end;
      end += length;
    }
    this.#arena = arena;
    this.#arenaNext = end;
  }
}

/** @returns where the last text ends; there is a space between two */
function writeScratch(first: string, second?: string): number {
  const most = (first.length + (second?.length ?? 0)) * BYTES_PER_UNIT + 1;
  if (most > scratch.length) scratch = Buffer.allocUnsafe(most);
  let end = scratch.write(first, 0, "utf8");
  if (second === undefined) return end;
  scratch[end++] = SPACE;
  return end + scratch.write(second, end, "utf8");
}
