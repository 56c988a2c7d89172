import type { Ledger } from "./ledger.ts";
import type { LineScanner, LineSink } from "./line.ts";
import type { Reading, Room } from "./room.ts";

/** Frames of a room that are remembered at a time: readers get them shortly after each other. */
const SLOTS = 64;
const READERS_MIN = 8;

/** A frame that one reader got and that was checked line by line. */
interface Checked {
  readonly firstSeq: number;
  readonly bytes: Buffer;
  /** The messages in it, in the order of their places. */
  readonly numbers: Uint32Array;
}

/** Where the lines of a frame go, and what is to be remembered of them. */
interface Reader extends LineSink {
  readonly ledger: Ledger;
}

/**
 * The frames of rooms with many readers. All readers of a room get the same bytes, so that one
 * comparison of the whole frame with one that was checked says as much as checking every line again,
 * for a small part of the cost.
 */
export class SharedFrames {
  /** Rooms with fewer readers are not worth it. */
  readonly readersMin = READERS_MIN;
  readonly #scanner: LineScanner;
  readonly #byRoom = new Map<Room, (Checked | undefined)[]>();

  constructor(scanner: LineScanner) {
    this.#scanner = scanner;
  }

  /** The messages of the frame when it is a known one that comes next for this reader. */
  numbersOf(bytes: Buffer, start: number, end: number, reading: Reading): Uint32Array | undefined {
    const next = reading.lastSeq + 1;
    const known = this.#byRoom.get(reading.room)?.[next % SLOTS];
    if (known === undefined || known.firstSeq !== next || known.bytes.length !== end - start)
      return undefined;
    const isSame = bytes.compare(known.bytes, 0, known.bytes.length, start, end) === 0;
    return isSame ? known.numbers : undefined;
  }

  /** Checks a frame line by line, and remembers it when it holds the next messages and no fault. */
  learn(bytes: Buffer, start: number, end: number, reading: Reading, reader: Reader): void {
    const firstSeq = reading.lastSeq + 1;
    const { ledger } = reader;
    const faultsBefore = total(ledger);
    const numbers: number[] = [];
    let isPlain = true;
    this.#scanner.scan(bytes, start, end, {
      event: (room, seq, number, sender, isRight) => {
        isPlain &&= seq === firstSeq + numbers.length;
        numbers.push(number);
        reader.event(room, seq, number, sender, isRight);
      },
      receipt: (number, isRight) => {
        isPlain = false;
        reader.receipt(number, isRight);
      },
      sample: (text) => reader.sample(text),
      other: (text) => {
        isPlain = false;
        reader.other(text);
      },
    });
    if (!isPlain || numbers.length === 0 || total(ledger) !== faultsBefore) return;
    this.#slots(reading.room)[firstSeq % SLOTS] = {
      firstSeq,
      bytes: Buffer.from(bytes.subarray(start, end)),
      numbers: Uint32Array.from(numbers),
    };
  }

  #slots(room: Room): (Checked | undefined)[] {
    let slots = this.#byRoom.get(room);
    if (!slots) {
      slots = Array.from({ length: SLOTS });
      this.#byRoom.set(room, slots);
    }
    return slots;
  }
}

function total({ faults }: Ledger): number {
  return faults.altered + faults.duplicate + faults.foreign + faults.reordered;
}
