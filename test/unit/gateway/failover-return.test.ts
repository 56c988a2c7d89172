import { describe, expect, test } from "bun:test";
import { AppError } from "../../../src/errors.ts";
import { limitsWith } from "../../../src/limits.ts";
import { idOf, P, recordOf, rows, setUp, TICK } from "../../support/outbox/failover-kit.ts";

describe("while the outbox is away too", () => {
  test("sends are refused as retriable at once or in time, and the log is tried again", () => {
    const set = setUp();
    set.outbox.faults.putError = new AppError("store_unavailable");
    set.append("a");
    set.fail(0, "log_unavailable");
    set.scheduler.pass(TICK);
    expect(set.outcomes).toEqual(["a log_unavailable"]);
    expect(new AppError("log_unavailable").retriable).toBe(true);
    set.append("b");
    expect(set.appends.at(-1)?.names).toEqual(["b"]);
    set.appends[1]?.settle.resolve(4);
    set.scheduler.pass(TICK);
    expect(set.outcomes.at(-1)).toBe("b log 4");
  });

  test("what may be in the log is refused as unknown", () => {
    const set = setUp();
    set.outbox.faults.putError = new AppError("store_unavailable");
    set.append("a");
    set.fail(0, "unknown_outcome");
    set.scheduler.pass(TICK);
    expect(set.outcomes).toEqual(["a unknown_outcome"]);
  });

  test("every send has its answer within two seconds though nothing answers", () => {
    const set = setUp();
    set.outbox.faults.putGate = new Promise(() => {});
    set.outbox.faults.pendingGate = new Promise(() => {});
    for (let i = 0; i < 60; i++) {
      set.append(`m${i}`);
      set.scheduler.pass(100);
    }
    set.scheduler.pass(2_000);
    expect(set.at.size).toBe(60);
    const { sendAnswerMs } = limitsWith();
    expect(Math.max(...set.at.values())).toBeLessThanOrEqual(sendAnswerMs + TICK);
    expect(sendAnswerMs + limitsWith().outboxWaitMs).toBeLessThanOrEqual(2_000);
    for (const outcome of set.outcomes)
      expect(outcome).toMatch(/ (log_unavailable|unknown_outcome)$/);
  });

  test("a partition with rows in the outbox does not return to the log", () => {
    const set = setUp();
    set.append("a");
    set.fail(0, "log_unavailable");
    set.scheduler.pass(TICK);
    set.outbox.faults.putError = new AppError("store_unavailable");
    set.outbox.faults.pendingError = new AppError("store_unavailable");
    for (let i = 0; i < 20; i++) {
      set.append(`b${i}`);
      set.scheduler.pass(100);
    }
    expect(set.appends).toHaveLength(1);
    expect(set.outcomes.slice(1).every((one) => one.endsWith("log_unavailable"))).toBe(true);
    // Its circuit keeps most of them from asking.
    expect(set.outbox.faults.puts).toBeLessThan(10);
    expect(set.telemetry.value("tidegate_outbox_put_circuit_open")).toBe(1);
  });

  test("one append that the database does not take fails alone", () => {
    const set = setUp();
    const put = set.inner.put.bind(set.inner);
    set.inner.put = (rows) =>
      rows.some((one) => idOf(one.record.value) === "b")
        ? Promise.reject(new AppError("row_refused"))
        : put(rows);
    for (const name of ["a", "b", "c"]) set.append(name);
    for (const i of [0, 1, 2]) set.fail(i, "log_unavailable");
    set.scheduler.pass(TICK);
    expect(set.outcomes).toEqual(["a outbox", "b log_unavailable", "c outbox"]);
  });
});

test("nothing passes appends that are put one by one because the database refused one of them", () => {
  const set = setUp();
  const put = set.inner.put.bind(set.inner);
  const gates: PromiseWithResolvers<void>[] = [];
  set.inner.put = async (rows) => {
    if (rows.some((one) => idOf(one.record.value) === "b")) throw new AppError("row_refused");
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    await gate.promise;
    await put(rows);
  };
  set.append("w", 2);
  set.append("x", 1);
  for (const name of ["b", "c"]) set.append(name);
  for (const i of [0, 1, 2, 3]) set.fail(i, "log_unavailable");
  // While "w" is being put the others gather, to be put together and then one by one.
  set.scheduler.pass(TICK);
  gates.shift()?.resolve();
  set.scheduler.pass(3 * limitsWith().outboxRefreshMs);
  // "c" waits for "x", and looks show that nothing of its partition is there yet.
  set.append("d");
  expect(set.appends).toHaveLength(4);
  while (gates.length > 0) {
    gates.shift()?.resolve();
    set.scheduler.pass(TICK);
  }
  expect(rows(set)).toEqual(["c 2", "d 2"]);
});

describe("the circuit of a partition", () => {
  /** Five failures in a row, each published soon after, open it. */
  async function opened() {
    const set = setUp();
    for (let i = 0; i < 5; i++) {
      set.append(`a${i}`);
      set.fail(i, "log_unavailable");
      set.scheduler.pass(TICK);
      await set.publish();
      set.scheduler.pass(2 * limitsWith().outboxRefreshMs);
    }
    expect(set.telemetry.value("tidegate_partition_circuits_open")).toBe(1);
    return set;
  }

  test("keeps appends in the outbox while it is open though nothing waits there", async () => {
    const set = await opened();
    set.append("b");
    set.scheduler.pass(0);
    expect(set.appends).toHaveLength(5);
    expect(set.outcomes.at(-1)).toBe("b outbox");
  });

  test("lets one append at a time try, and the others follow in order when it has closed", async () => {
    const set = await opened();
    set.scheduler.pass(1_000);
    for (const name of ["b", "c", "d", "e"]) set.append(name);
    expect(set.appends.slice(5).map(({ names }) => names)).toEqual([["b"]]);
    set.appends[5]?.settle.resolve(1);
    set.scheduler.pass(0);
    expect(set.appends.slice(6).map(({ names }) => names)).toEqual([["c"]]);
    set.appends[6]?.settle.resolve(2);
    set.scheduler.pass(0);
    expect(set.appends.slice(7).map(({ names }) => names)).toEqual([["d"], ["e"]]);
    expect(set.failover.diverted).toBe(0);
  });

  test("a try that fails goes into the outbox before what waited for it", async () => {
    const set = await opened();
    set.scheduler.pass(1_000);
    for (const name of ["b", "c", "d"]) set.append(name);
    set.fail(5, "unknown_outcome");
    set.scheduler.pass(TICK);
    expect(rows(set)).toEqual(["b 2", "c 2", "d 2"]);
  });
});

describe("rows of another gateway", () => {
  test("are known after `fresh`, so that sends stand behind them", async () => {
    const set = setUp();
    await set.inner.put([{ ...P, record: recordOf("m1", 2) }]);
    set.append("before");
    let isFresh = false;
    void set.failover.fresh().then(() => (isFresh = true));
    set.scheduler.pass(0);
    expect(isFresh).toBe(true);
    set.append("m2");
    set.scheduler.pass(TICK);
    // Not before the append that the log has at the moment.
    expect(rows(set)).toEqual(["m1 2"]);
    set.appends[0]?.settle.resolve(0);
    set.scheduler.pass(TICK);
    expect(rows(set)).toEqual(["m1 2", "m2 2"]);
    expect(await set.publish()).toEqual(["m1", "m2"]);
  });

  test("are looked for once for all who ask meanwhile", () => {
    const set = setUp();
    let fresh = 0;
    for (let i = 0; i < 100; i++) void set.failover.fresh().then(() => fresh++);
    set.scheduler.pass(0);
    expect(fresh).toBe(100);
    // The first one's look had begun before the others asked.
    expect(set.outbox.faults.looks).toBe(2);
  });

  test("are waited for no longer than outboxWaitMs, and not at all once the circuit is open", () => {
    const set = setUp();
    const ask = (): (() => number | undefined) => {
      const began = set.scheduler.now;
      let after: number | undefined;
      void set.failover.fresh().then(() => (after = set.scheduler.now - began));
      return () => after;
    };
    set.outbox.faults.pendingGate = new Promise(() => {});
    const slow = ask();
    set.scheduler.pass(1_000);
    expect(slow()).toBe(limitsWith().outboxWaitMs);
    const other = setUp();
    other.outbox.faults.pendingError = new AppError("store_unavailable");
    for (let i = 0; i < 5; i++) {
      void other.failover.fresh();
      other.scheduler.pass(0);
    }
    const { looks } = other.outbox.faults;
    void other.failover.fresh();
    other.scheduler.pass(0);
    expect(other.outbox.faults.looks).toBe(looks);
  });
});

describe("the event store `database`", () => {
  test("puts every append into the outbox first, always", async () => {
    const set = setUp({}, "database");
    set.append("a");
    set.scheduler.pass(0);
    expect(set.outcomes).toEqual(["a outbox"]);
    await set.publish();
    set.scheduler.pass(1_000);
    set.append("b");
    set.scheduler.pass(0);
    expect(set.appends).toEqual([]);
    expect(rows(set)).toEqual(["b 2"]);
  });

  test("takes sends again when half of what it had is published", async () => {
    const set = setUp({ outboxGatewayRowsMax: 4 }, "database");
    for (const name of ["a", "b", "c", "d", "e"]) set.append(name);
    set.scheduler.pass(TICK);
    expect(set.outcomes).toContain("e log_unavailable");
    await set.publish(2);
    set.scheduler.pass(2 * limitsWith().outboxRefreshMs);
    set.append("f");
    set.scheduler.pass(TICK);
    expect(set.outcomes.at(-1)).toBe("f outbox");
  });
});
