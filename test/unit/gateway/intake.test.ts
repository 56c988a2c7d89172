import { expect, test } from "bun:test";
import { Intake, type IntakeGate, type IntakeSource } from "../../../gateway/intake.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

class Source implements IntakeSource {
  waiting = 0;

  waits(): void {
    this.waiting++;
  }

  waited(): void {
    this.waiting--;
  }
}

/** What a frame counts besides its characters. */
const FRAME = 64;

/** Holds while it is told to. */
class Gate implements IntakeGate {
  isClosed = false;
  #go: (() => void)[] = [];

  holds(go: () => void): boolean {
    if (this.isClosed) this.#go.push(go);
    return this.isClosed;
  }

  /** Has those who wait ask again. */
  tell(): void {
    for (const go of this.#go.splice(0)) go();
  }
}

function setUp(limits = { intakeTurnBytesMax: FRAME + 10, intakeWaitingBytesMax: 1_000 }) {
  const clock = new SteppedClock();
  const handled: string[] = [];
  const gate = new Gate();
  const intake = new Intake<Source>({
    clock,
    limits: { ...limits, intakeWaitMs: 500 },
    gate,
    handle: (_source, text) => handled.push(text),
  });
  return { clock, handled, intake, gate };
}

test("frames are handled as they come while a turn has room", async () => {
  const { clock, handled, intake } = setUp();
  const source = new Source();
  for (let turn = 0; turn < 3; turn++) {
    intake.take(source, "12345");
    intake.take(source, "123456789");
    expect([handled.length, source.waiting]).toEqual([2 * turn + 2, 0]);
    await clock.advance(0);
  }
});

test("what a turn has no room for waits for the next ones, in order, and its source is not read", async () => {
  const { clock, handled, intake } = setUp();
  const [a, b] = [new Source(), new Source()];
  intake.take(a, "a1 fills a turn");
  intake.take(b, "b1 too, alone");
  intake.take(a, "");
  intake.take(b, "b2");
  intake.take(a, "a3 fills it");
  intake.take(b, "b3");
  expect(handled).toHaveLength(1);
  expect([a.waiting, b.waiting]).toEqual([2, 3]);
  const turns: string[][] = [];
  clock.defer(function look() {
    turns.push(handled.splice(0));
    if (turns.length < 4) clock.defer(look);
  });
  await clock.advance(0);
  expect(turns).toEqual([
    ["a1 fills a turn", "b1 too, alone"],
    ["", "b2"],
    ["a3 fills it"],
    ["b3"],
  ]);
  expect([a.waiting, b.waiting]).toEqual([0, 0]);
});

test("a frame that comes behind one that waits does not pass it", async () => {
  const limits = { intakeTurnBytesMax: 100, intakeWaitingBytesMax: 100_000 };
  const { clock, handled, intake } = setUp(limits);
  const source = new Source();
  for (let i = 0; i < 5_000; i++) intake.take(source, String(i).padStart(6));
  await clock.advance(0);
  expect(handled.map(Number)).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
});

test("no more waits than the limit: the oldest are handled at once", () => {
  const { handled, intake } = setUp({
    intakeTurnBytesMax: 10,
    intakeWaitingBytesMax: 3 * (FRAME + 10),
  });
  const source = new Source();
  for (let i = 0; i < 20; i++) intake.take(source, "1234567890");
  expect(handled).toHaveLength(17);
  expect(source.waiting).toBe(3);
});

test("tiny frames count as more than their characters, so that neither a turn nor what waits is endless", async () => {
  const limits = { intakeTurnBytesMax: 6_600, intakeWaitingBytesMax: 66_000 };
  const { clock, handled, intake } = setUp(limits);
  const source = new Source();
  for (let i = 0; i < 10_000; i++) intake.take(source, "{}");
  expect(handled.length).toBeGreaterThanOrEqual(9_000);
  expect(source.waiting).toBeLessThanOrEqual(1_000);
  handled.length = 0;
  const turns: number[] = [];
  clock.defer(function look() {
    turns.push(handled.splice(0).length);
    if (turns.length < 20) clock.defer(look);
  });
  await clock.advance(0);
  expect(Math.max(...turns)).toBeLessThanOrEqual(101);
});

test("what the gate holds waits in order until it lets go", async () => {
  const { clock, handled, intake, gate } = setUp();
  const source = new Source();
  intake.take(source, "a");
  gate.isClosed = true;
  intake.take(source, "b");
  intake.take(source, "c");
  await clock.advance(20);
  expect([handled, source.waiting]).toEqual([["a"], 2]);
  gate.isClosed = false;
  intake.take(source, "d");
  expect(handled).toEqual(["a"]);
  gate.tell();
  await clock.advance(0);
  expect(handled).toEqual(["a", "b", "c", "d"]);
  expect(source.waiting).toBe(0);
});

test("while the gate does not open, a turn passes it from time to time", async () => {
  const { clock, handled, intake, gate } = setUp();
  const source = new Source();
  /** As the gate does while somebody waits. */
  const wait = async (ms: number): Promise<void> => {
    for (let at = 0; at < ms; at += 50) {
      await clock.advance(50);
      gate.tell();
      await clock.advance(0);
    }
  };
  gate.isClosed = true;
  for (const text of "abcde") intake.take(source, text);
  await wait(450);
  expect(handled).toEqual([]);
  await wait(50);
  // Two of them fill a turn.
  expect(handled).toEqual(["a", "b"]);
  await wait(450);
  expect(handled).toEqual(["a", "b"]);
  await wait(50);
  expect(handled).toEqual(["a", "b", "c", "d"]);
  gate.isClosed = false;
  gate.tell();
  await clock.advance(0);
  expect(handled).toEqual(["a", "b", "c", "d", "e"]);
});

test("a turn that passed the gate and left nothing says nothing of those who come later", async () => {
  const { clock, handled, intake, gate } = setUp();
  const source = new Source();
  gate.isClosed = true;
  intake.take(source, "a");
  await clock.advance(500);
  gate.tell();
  await clock.advance(0);
  expect(handled).toEqual(["a"]);
  await clock.advance(10_000);
  intake.take(source, "b");
  await clock.advance(0);
  expect(handled).toEqual(["a"]);
  gate.isClosed = false;
  gate.tell();
  await clock.advance(0);
  expect(handled).toEqual(["a", "b"]);
});
