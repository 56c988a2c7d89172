import { expect, test } from "bun:test";
import { Ledger } from "../../../load/native/ledger.ts";
import type { Member } from "../../../load/native/member.ts";
import { OpenLoop, Sender } from "../../../load/native/pace.ts";

const PER_SECOND = 1_000;

/** Notes when each message was due and when it was sent. */
class Notes extends Ledger {
  readonly all: { readonly dueAt: number; readonly sentAt: number }[] = [];

  override send(sender: number, dueAt: number): number {
    this.all.push({ dueAt, sentAt: performance.now() });
    return super.send(sender, dueAt);
  }
}

test("an open loop's messages are due by the clock, also while the generator itself is held up", async () => {
  const notes = new Notes();
  const writer = {
    frame: () => undefined,
    line: () => undefined,
    take: () => ({ bytes: new Uint8Array(), length: 0 }),
  };
  const member = {
    number: 0,
    targets: [0],
    nextTarget: 0,
    unanswered: 0,
    isAway: false,
    socket: { write: () => undefined },
  } as unknown as Member;
  const pace = new OpenLoop(new Sender(notes, writer), PER_SECOND);
  const startedAt = performance.now();
  pace.start([member]);
  while (notes.all.length < 20) await Bun.sleep(1);
  const heldUpAt = performance.now();
  while (performance.now() < heldUpAt + 60);
  while (notes.all.length < 120) await Bun.sleep(1);
  pace.stop();

  const first = notes.all[0]?.dueAt ?? 0;
  expect(first).toBeWithin(startedAt + 1, startedAt + 50);
  notes.all.forEach(({ dueAt, sentAt }, i) => {
    expect(dueAt).toBeCloseTo(first + i, 6);
    expect(sentAt).toBeGreaterThanOrEqual(dueAt - 1e-6);
  });
  // What was due in the hold-up was sent late, and its times say so.
  const late = notes.all.filter(({ dueAt, sentAt }) => sentAt - dueAt > 30);
  expect(late.length).toBeGreaterThanOrEqual(20);
});
