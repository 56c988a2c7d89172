import { expect, test } from "bun:test";
import { AppError } from "../../../src/errors.ts";
import type { EventLog } from "../../../src/ports/event-log.ts";
import { FAULTS, startWith, stubborn } from "../../support/audited-log.ts";

test("begins anew with a partition that could not be taken", async () => {
  let failures = 3;
  const audit = await startWith(
    50,
    () => false,
    {},
    undefined,
    undefined,
    (log) =>
      Object.assign(Object.create(log) as EventLog, {
        async range(topic: string, partition: number) {
          if (failures-- > 0) throw new AppError("log_unavailable");
          return log.range(topic, partition);
        },
      }),
  );
  await audit.clock.advance(10_000);
  expect(audit.total("records")).toBe(audit.records);
  expect(FAULTS.map((fault) => audit.total(fault))).toEqual([0, 0, 0, 0, 0]);
  await audit.clock.settled(audit.auditor.close());
});

test("begins anew with a partition that could not be read, behind what has expired meanwhile", async () => {
  let kept: ReturnType<typeof stubborn>["state"] | undefined;
  let start = 0;
  const pace = { auditRecordsPerSecond: 100 };
  const audit = await startWith(
    299,
    () => false,
    pace,
    undefined,
    undefined,
    (log) => {
      const { state, wrapped } = stubborn(log);
      state.refuses = false;
      kept = state;
      return Object.assign(wrapped, {
        range: async (topic: string, partition: number) => ({
          ...(await log.range(topic, partition)),
          start,
        }),
      });
    },
  );
  const { name } = audit.topic;
  while (audit.total("records") < 128) await audit.clock.advance(1);
  start = 290;
  kept?.handler?.failed(name, 0, new AppError("log_expired"));
  await audit.clock.advance(10_000);
  expect(audit.total("skipped")).toBe(290 - 128);
  expect(audit.total("records")).toBe(128 + 10);
  await audit.clock.settled(audit.auditor.close());
});

test("an audit that was ahead of a log that was cut off goes on at its end", async () => {
  const audit = await startWith(
    50,
    () => false,
    {},
    undefined,
    undefined,
    (log) =>
      Object.assign(Object.create(log) as EventLog, { committed: () => Promise.resolve(1_000) }),
  );
  await audit.clock.advance(1_000);
  expect([...audit.auditor.positions()]).toMatchObject([{ nextOffset: audit.records }]);
  await audit.clock.settled(audit.auditor.close());
});
