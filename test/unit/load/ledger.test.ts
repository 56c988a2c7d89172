import { expect, test } from "bun:test";
import { BLOCK } from "../../../load/native/block.ts";
import { Ledger, noFaults } from "../../../load/native/ledger.ts";
import { Reading, Room } from "../../../load/native/room.ts";

const SENDER = 7;
const CLEAN = noFaults();

/** A room of two readers, whose events come when a test says so. */
class Stand {
  readonly ledger: Ledger;
  readonly room: Room;
  readonly readings: readonly [Reading, Reading];
  #seq = 0;

  constructor(forgets: boolean) {
    this.ledger = new Ledger({ forgets });
    this.room = new Room(1, 0, forgets);
    this.readings = [new Reading(this.room, 0, true), new Reading(this.room, 0, true)];
    this.ledger.timeFrom(0);
  }

  /** The n-th message takes place n + 1. */
  send(count = 1): void {
    for (let i = 0; i < count; i++) {
      this.ledger.now = this.ledger.sent;
      this.ledger.receipt(this.ledger.send(SENDER, this.ledger.now), true);
    }
  }

  /** Message `number` comes to a reader in place `seq`. */
  event(reader: 0 | 1, seq: number, number = seq - 1, sender = SENDER): void {
    this.ledger.deliver(this.readings[reader], reader, seq, number, sender);
  }

  /** Sends so many messages, each of which comes to these readers. */
  run(count: number, readers: readonly (0 | 1)[] = [0, 1]): void {
    for (let i = 0; i < count; i++) {
      this.send();
      this.#seq++;
      for (const reader of readers) this.event(reader, this.#seq);
    }
  }

  /** Counts all, with what is lost. */
  end(): { readonly faults: object; readonly delivered: number } {
    this.ledger.close(this.readings);
    const { faults, delivered } = this.ledger;
    return { faults, delivered };
  }
}

function bound(stand: Stand) {
  const event: Stand["event"] = (...args) => stand.event(...args);
  return { ledger: stand.ledger, event, send: (count: number) => stand.send(count) };
}

test("takes no more memory the longer it runs", () => {
  const stand = new Stand(true);
  stand.run(3 * BLOCK);
  const { blocks } = stand.ledger;
  const { capacity } = stand.room;
  stand.run(40 * BLOCK);
  expect(stand.ledger.blocks).toBe(blocks);
  expect(blocks).toBe(1);
  expect(stand.room.capacity).toBe(capacity);
  expect(capacity).toBe(64);
  expect(stand.end()).toEqual({ faults: CLEAN, delivered: 86 * BLOCK });
});

test("keeps everything when it is not to forget", () => {
  const stand = new Stand(false);
  stand.run(3 * BLOCK);
  expect(stand.ledger.blocks).toBe(3);
  expect(stand.room.capacity).toBeGreaterThan(3 * BLOCK);
});

test("counts an event again that comes after its message was forgotten", () => {
  const stand = new Stand(true);
  stand.run(2 * BLOCK);
  stand.event(0, 5);
  expect(stand.end().faults).toEqual({ ...CLEAN, duplicate: 1 });
});

test("counts a receipt again that comes after its message was forgotten", () => {
  const stand = new Stand(true);
  stand.run(2 * BLOCK);
  stand.ledger.receipt(5, true);
  expect(stand.ledger.acked).toBe(2 * BLOCK);
  expect(stand.end().faults).toEqual({ ...CLEAN, duplicate: 1 });
});

test("counts a refusal of a message that was forgotten", () => {
  const stand = new Stand(true);
  stand.run(2 * BLOCK);
  stand.ledger.refuse(5, "rate_limited");
  expect(stand.end().faults).toEqual({ ...CLEAN, refused: 1 });
});

test("counts a forgotten message in a second place once, and out of its sender's order", () => {
  const [forgetting, keeping] = [new Stand(true), new Stand(false)];
  for (const stand of [forgetting, keeping]) {
    stand.run(2 * BLOCK);
    stand.event(0, 2 * BLOCK + 1, 5);
    stand.event(1, 2 * BLOCK + 1, 5);
    expect(stand.end().faults).toEqual({ ...CLEAN, duplicate: 1, reordered: 1 });
  }
  expect(forgetting.ledger.blocks).toBeLessThan(keeping.ledger.blocks);
});

test("counts a forgotten message in a place where others saw another one", () => {
  const stand = new Stand(true);
  stand.run(2 * BLOCK);
  stand.send();
  stand.event(0, 2 * BLOCK + 1);
  stand.event(1, 2 * BLOCK + 1, 5);
  expect(stand.end().faults).toEqual({ ...CLEAN, reordered: 1 });
});

test("counts a message that never was as altered, whatever was forgotten", () => {
  const stand = new Stand(true);
  stand.run(2 * BLOCK);
  stand.event(0, 2 * BLOCK + 1, 9 * BLOCK);
  stand.event(1, 2 * BLOCK + 1, -1);
  expect(stand.end().faults).toEqual({ ...CLEAN, altered: 2 });
});

test("counts as altered a receipt of another message and an event from another sender", () => {
  const { ledger, event, send } = bound(new Stand(false));
  send(2);
  event(0, 1);
  event(1, 1, 0, SENDER + 1);
  expect(ledger.faults).toEqual({ ...CLEAN, altered: 1 });
  ledger.receipt(ledger.send(SENDER, 0), false);
  expect(ledger.faults).toEqual({ ...CLEAN, altered: 2 });
  ledger.receipt(ledger.sent, true);
  expect(ledger.faults.altered).toBe(3);

  const unplaced = new Ledger();
  unplaced.sightings = 2;
  const number = unplaced.send(SENDER, 0);
  expect(unplaced.deliverUnplaced(number, 1, SENDER + 1, 1)).toBe(false);
  expect(unplaced.deliverUnplaced(number + 1, 1, SENDER, 1)).toBe(false);
  expect(unplaced).toMatchObject({ delivered: 0, faults: { ...CLEAN, altered: 2 } });
});

test("times what was due in the measured time, however late it came, and nothing else", () => {
  const { ledger, event } = bound(new Stand(true));
  const dueAt = [9, 10, 15, 20, 21];
  for (const due of dueAt) ledger.send(SENDER, due);
  ledger.timeFrom(10);
  ledger.timeUntil(20);
  ledger.now = 1_020;
  dueAt.forEach((_, number) => {
    ledger.receipt(number, true);
    event(0, number + 1);
    event(1, number + 1);
  });
  expect([ledger.receiptTimes.total, ledger.deliveryTimes.total]).toEqual([3, 6]);
  expect([ledger.receiptTimes.maxMs, ledger.deliveryTimes.maxMs]).toEqual([1_010, 1_010]);
  expect(ledger.receiptTimes.meanMs).toBeCloseTo(1_005, 6);
});

test("keeps what one reader lags behind with, until it has it", () => {
  const stand = new Stand(true);
  stand.run(5 * BLOCK, [0]);
  expect(stand.ledger.blocks).toBe(5);
  for (let seq = 1; seq <= 5 * BLOCK; seq++) stand.event(1, seq);
  const { capacity } = stand.room;
  expect(capacity).toBeGreaterThan(5 * BLOCK);
  stand.run(20 * BLOCK);
  expect(stand.ledger.blocks).toBe(5);
  expect(stand.room.capacity).toBe(capacity);
  const { deliveryTimes } = stand.ledger;
  expect(deliveryTimes.total).toBe(50 * BLOCK);
  expect(deliveryTimes.maxMs).toBe(5 * BLOCK - 1);
  expect(stand.end()).toEqual({ faults: CLEAN, delivered: 50 * BLOCK });
});

test("keeps what lies behind a hole, so that it can come late", () => {
  const stand = new Stand(true);
  stand.run(1);
  stand.run(1, [0]);
  stand.run(3 * BLOCK);
  stand.event(1, 2);
  expect(stand.end()).toEqual({
    faults: { ...CLEAN, reordered: 1 },
    delivered: 2 * (3 * BLOCK + 2),
  });
});

test("counts as lost what was acked without a place, and what a reader never got", () => {
  const stand = new Stand(true);
  stand.run(3 * BLOCK);
  stand.run(10, [0]);
  stand.run(2 * BLOCK);
  stand.run(3, [1]);
  stand.send(5);
  expect(stand.ledger.blocks).toBeLessThan(5);
  expect(stand.end().faults).toEqual({ ...CLEAN, lost: 10 + 3 + 5 });
});

test("counts a refused message's late event no other than one that forgets nothing", () => {
  for (const forgets of [true, false]) {
    const stand = new Stand(forgets);
    stand.ledger.refuse(stand.ledger.send(SENDER, 0), "overloaded");
    for (let number = 1; number <= 2 * BLOCK; number++) {
      stand.send();
      stand.event(0, number, number);
      stand.event(1, number, number);
    }
    stand.event(0, 2 * BLOCK + 1, 0);
    stand.event(1, 2 * BLOCK + 1, 0);
    expect(stand.end().faults).toEqual({ ...CLEAN, refused: 1, reordered: 1 });
  }
});

test("forgets what readers of a large room took as known", () => {
  const { ledger, readings, room } = new Stand(true);
  const others = [new Reading(room, 0, true), new Reading(room, 0, false)];
  const perFrame = 8;
  const frames = (10 * BLOCK) / perFrame;
  for (let frame = 0; frame < frames; frame++) {
    const numbers = new Uint32Array(perFrame);
    for (let i = 0; i < perFrame; i++) {
      numbers[i] = ledger.send(SENDER, 0);
      ledger.receipt(numbers[i] as number, true);
      ledger.deliver(readings[0], 0, frame * perFrame + i + 1, numbers[i] as number, SENDER);
    }
    for (const reading of [readings[1], ...others]) ledger.deliverKnown(reading, 1, numbers);
  }
  expect(ledger.blocks).toBe(1);
  ledger.close([...readings, ...others]);
  expect(ledger).toMatchObject({ faults: CLEAN, delivered: 40 * BLOCK });
  expect(ledger.deliveryTimes.total).toBe(30 * BLOCK);
});

test("forgets what all readers got of a server that counts no places", () => {
  const ledger = new Ledger({ forgets: true });
  const readers = 32;
  ledger.sightings = readers;
  const isFirst = (number: number, reader: number): boolean =>
    ledger.deliverUnplaced(number, reader, SENDER, 1 << reader);
  for (let i = 0; i < 3 * BLOCK; i++) {
    const number = ledger.send(SENDER, 0);
    for (let reader = 0; reader < readers; reader++) isFirst(number, reader);
    ledger.receipt(number, true);
  }
  expect(ledger).toMatchObject({ blocks: 1, delivered: 3 * BLOCK * readers, faults: CLEAN });
  expect(isFirst(5, 31)).toBe(false);
  expect(ledger.faults).toEqual({ ...CLEAN, duplicate: 1 });
  const number = ledger.send(SENDER, 0);
  ledger.receipt(number, true);
  expect(isFirst(number, 31)).toBe(true);
  expect(isFirst(number, 31)).toBe(false);
  ledger.closeUnplaced(readers);
  expect(ledger.faults).toEqual({ ...CLEAN, duplicate: 2, lost: readers - 1 });
});

test("forgets what was answered where nothing else comes", () => {
  const ledger = new Ledger({ forgets: true });
  ledger.sightings = 0;
  for (let i = 0; i < 3 * BLOCK; i++) ledger.receipt(ledger.send(SENDER, 0), true);
  expect(ledger).toMatchObject({ blocks: 1, acked: 3 * BLOCK, faults: CLEAN });
});

test("counts the same as one that forgets nothing, whatever goes wrong", () => {
  for (const seed of [1, 2, 3]) {
    const [forgetting, keeping] = [wrong(seed, true), wrong(seed, false)];
    expect(forgetting.ledger.parts()).toEqual(keeping.ledger.parts());
    expect(forgetting.ledger.placed).toBe(keeping.ledger.placed);
    expect(forgetting.ledger.blocks).toBeLessThan(keeping.ledger.blocks / 2);
    const { lost, duplicate, reordered, altered, refused } = keeping.ledger.faults;
    for (const count of [lost, duplicate, reordered, altered, refused])
      expect(count).toBeGreaterThan(0);
  }
});

/** A run of a server that does everything wrong, now and then, the worst of it at the end. */
function wrong(seed: number, forgets: boolean): Stand {
  const stand = new Stand(forgets);
  const { ledger } = stand;
  let state = seed;
  const chance = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const waiting: [[number, number][], [number, number][]] = [[], []];
  let seq = 0;
  const total = 12 * BLOCK;
  for (let i = 0; i < total; i++) {
    // Times of what comes once more are those of messages that were due before.
    if (i === 4 * BLOCK) ledger.timeFrom(i);
    ledger.now = i;
    const number = ledger.send(senderOf(i), i);
    const isWorst = i > total - BLOCK;
    if (isWorst && chance(200) === 0) ledger.refuse(number, "overloaded");
    else ledger.receipt(number, true);
    if (!isWorst || chance(300) > 0) {
      seq++;
      for (const queue of waiting) queue.push([seq, number]);
    }
    if (i > 3 * BLOCK && chance(5_000) === 0) {
      seq++;
      for (const queue of waiting) queue.push([seq, chance(2 * BLOCK)]);
    }
    if (i > 3 * BLOCK && chance(5_000) === 0) ledger.receipt(chance(i), chance(2) === 0);
    for (const reader of [0, 1] as const) {
      const queue = waiting[reader];
      while (queue.length > 0 && (queue.length > 3_000 || chance(2) === 0)) {
        const [place, sent] = queue.shift() as [number, number];
        const sender = senderOf(sent);
        if (isWorst && chance(400) === 0) continue;
        if (isWorst && chance(400) === 0) stand.event(reader, place, sent, sender + 1);
        else stand.event(reader, place, sent, sender);
        if (chance(4_000) === 0) stand.event(reader, 1 + chance(place), sent, sender);
      }
    }
  }
  stand.end();
  return stand;
}

function senderOf(number: number): number {
  return SENDER + (number % 3);
}
