import { expect, test } from "bun:test";
import { OutboxDrain } from "../../../src/policy/outbox-drain.ts";

/** Looks every 100 ms for so long at rows that change by `perLook`. @returns the rows at the end */
function look(
  drain: OutboxDrain,
  {
    from,
    ms,
    rows,
    perLook,
    isMoving = true,
  }: Record<"from" | "ms" | "rows" | "perLook", number> & {
    isMoving?: boolean;
  },
): number {
  for (let at = from; at < from + ms; at += 100) {
    drain.looked(rows, isMoving, at);
    rows += perLook;
  }
  return rows;
}

test("rows that leave faster than others come need no help", () => {
  const drain = new OutboxDrain();
  look(drain, { from: 0, ms: 10_000, rows: 10_000, perLook: -150 });
  expect(drain.isOn).toBe(false);
});

test("rows that do not become fewer have the others stay away until they are gone", () => {
  const drain = new OutboxDrain();
  look(drain, { from: 0, ms: 2_000, rows: 10_000, perLook: 5 });
  expect(drain.isOn).toBe(false);
  const rows = look(drain, { from: 2_000, ms: 200, rows: 10_100, perLook: 5 });
  expect(drain.isOn).toBe(true);
  look(drain, { from: 2_200, ms: 5_000, rows, perLook: -200 });
  expect(drain.isOn).toBe(true);
  drain.reset();
  expect(drain.isOn).toBe(false);
});

test("while none leave, the log is away and nothing is held back", () => {
  const drain = new OutboxDrain();
  look(drain, { from: 0, ms: 20_000, rows: 1_000, perLook: 50, isMoving: false });
  expect(drain.isOn).toBe(false);
  look(drain, { from: 20_000, ms: 3_000, rows: 5_000, perLook: 5 });
  expect(drain.isOn).toBe(true);
  look(drain, { from: 23_000, ms: 900, rows: 5_000, perLook: 5, isMoving: false });
  expect(drain.isOn).toBe(true);
  look(drain, { from: 23_900, ms: 300, rows: 5_000, perLook: 5, isMoving: false });
  expect(drain.isOn).toBe(false);
});
