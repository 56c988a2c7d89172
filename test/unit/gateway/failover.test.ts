import { describe, expect, test } from "bun:test";
import { limitsWith, type Limits } from "../../../src/limits.ts";
import { recordOf, rows, setUp, TICK } from "../../support/outbox/failover-kit.ts";

describe("while the log is there", () => {
  test("appends go to it and nothing asks the outbox", () => {
    const set = setUp();
    set.append("a");
    set.append("b");
    set.appends[0]?.settle.resolve(7);
    set.appends[1]?.settle.resolve(8);
    set.scheduler.pass(5_000);
    expect(set.outcomes).toEqual(["a log 7", "b log 8"]);
    expect(set.outbox.faults).toMatchObject({ puts: 0, looks: 0 });
    expect(set.failover.diverted).toBe(0);
  });

  test("an error of the record itself is no reason to fail over", () => {
    const set = setUp();
    set.append("a");
    set.fail(0, "content_too_large");
    set.scheduler.pass(TICK);
    expect(set.outcomes).toEqual(["a content_too_large"]);
    expect(set.failover.diverted).toBe(0);
  });
});

describe("an append that the log fails", () => {
  test.each(["log_unavailable", "unknown_outcome", "disk_full"] as const)(
    "with %s is kept in the outbox with a raised attempt",
    (code) => {
      const set = setUp();
      set.append("a");
      set.fail(0, code);
      set.scheduler.pass(TICK);
      expect(set.outcomes).toEqual(["a outbox"]);
      expect(rows(set)).toEqual(["a 2"]);
      expect(set.telemetry.value("tidegate_failovers_total")).toBe(1);
      expect(set.telemetry.value("tidegate_sends_kept_total")).toBe(1);
    },
  );

  test("is given up after appendOutcomeMs and kept, all within two seconds", () => {
    const set = setUp();
    set.append("a");
    set.scheduler.pass(limitsWith().appendOutcomeMs - 1);
    expect(set.outcomes).toEqual([]);
    set.scheduler.pass(2 * TICK);
    expect(set.outcomes).toEqual(["a outbox"]);
    // What it comes to in the end changes nothing: the verdict drops one of the two.
    set.appends[0]?.settle.resolve(3);
    set.scheduler.pass(TICK);
    expect(set.outcomes).toEqual(["a outbox"]);
  });

  test("waits for the appends behind it, and goes into the outbox before them when they fail too", () => {
    const set = setUp();
    for (const name of ["a", "b", "c"]) set.append(name);
    set.fail(1, "log_unavailable");
    set.fail(0, "unknown_outcome");
    set.scheduler.pass(TICK);
    set.append("d");
    set.scheduler.pass(TICK);
    expect(set.outcomes).toEqual([]);
    expect(set.outbox.faults.puts).toBe(0);
    set.fail(2, "log_unavailable");
    set.scheduler.pass(TICK);
    expect(set.outcomes).toEqual(["a outbox", "b outbox", "c outbox", "d outbox"]);
    expect(rows(set)).toEqual(["a 2", "b 2", "c 2", "d 2"]);
  });

  test("is refused when one behind it is in the log, before or after it failed", () => {
    const set = setUp();
    for (const name of ["a", "b", "c", "d"]) set.append(name);
    set.appends[1]?.settle.resolve(5);
    set.scheduler.pass(0);
    set.fail(0, "unknown_outcome");
    set.scheduler.pass(0);
    expect(set.outcomes).toEqual(["b log 5", "a unknown_outcome"]);
    expect(set.failover.diverted).toBe(0);
    set.fail(2, "log_unavailable");
    set.scheduler.pass(0);
    set.appends[3]?.settle.resolve(6);
    set.scheduler.pass(TICK);
    expect(set.outcomes.slice(2)).toEqual(["d log 6", "c log_unavailable"]);
    expect(rows(set)).toEqual([]);
  });

  test("leaves other partitions in the log", () => {
    const set = setUp();
    set.append("a");
    set.fail(0, "log_unavailable");
    set.scheduler.pass(TICK);
    set.append("b", 1);
    expect(set.appends.at(-1)).toMatchObject({ names: ["b"], partition: 1 });
  });
});

describe("a partition that has failed over", () => {
  function failedOver(changes: Partial<Limits> = {}) {
    const set = setUp(changes);
    set.append("a");
    set.fail(0, "log_unavailable");
    set.scheduler.pass(TICK);
    expect(set.outcomes).toEqual(["a outbox"]);
    return set;
  }

  test("stays in the outbox until its own rows are published, then returns to the log", async () => {
    const set = failedOver();
    for (let i = 0; i < 10; i++) {
      set.append(`b${i}`);
      set.scheduler.pass(300);
    }
    expect(set.appends).toHaveLength(1);
    expect(rows(set)).toHaveLength(11);
    expect(await set.publish()).toHaveLength(11);
    set.scheduler.pass(2 * limitsWith().outboxRefreshMs);
    expect(set.failover.diverted).toBe(0);
    set.append("c");
    expect(set.appends.at(-1)?.names).toEqual(["c"]);
  });

  test("takes no look for an answer that began before its last put", async () => {
    const set = failedOver();
    // The look begins, then another row is put; what the look saw is older.
    await set.publish();
    const gate = Promise.withResolvers<void>();
    set.outbox.faults.pendingGate = gate.promise;
    set.scheduler.pass(limitsWith().outboxRefreshMs + TICK);
    const seen = set.outbox.faults.looks;
    expect(seen).toBeGreaterThan(0);
    set.append("b");
    set.scheduler.pass(0);
    expect(rows(set)).toEqual(["b 2"]);
    // As if the look had read before the put.
    set.inner.pending = () => Promise.resolve([]);
    set.outbox.faults.pendingGate = undefined;
    gate.resolve();
    set.scheduler.pass(0);
    expect(set.failover.diverted).toBe(1);
  });

  test("holds sends for its last rows while they are being published, and returns with them in order", async () => {
    const set = failedOver();
    for (let i = 0; i < 5; i++) set.append(`b${i}`);
    set.scheduler.pass(2 * limitsWith().outboxRefreshMs);
    await set.publish(2);
    set.scheduler.pass(2 * limitsWith().outboxRefreshMs);
    set.append("c");
    set.append("d");
    set.scheduler.pass(TICK);
    expect(rows(set).map((one) => one.split(" ")[0])).toEqual(["b1", "b2", "b3", "b4"]);
    await set.publish();
    set.scheduler.pass(2 * TICK);
    expect(set.appends.slice(1).map(({ names }) => names)).toEqual([["c"], ["d"]]);
    expect(set.failover.diverted).toBe(0);
  });

  test("holds sends no longer than outboxHoldMs", async () => {
    const set = failedOver();
    for (let i = 0; i < 5; i++) set.append(`b${i}`);
    set.scheduler.pass(2 * limitsWith().outboxRefreshMs);
    await set.publish(2);
    set.scheduler.pass(2 * limitsWith().outboxRefreshMs);
    set.append("c");
    set.scheduler.pass(limitsWith().outboxHoldMs + 2 * TICK);
    expect(set.outcomes.at(-1)).toBe("c outbox");
  });

  test("is refused what is beyond the gateway's bound, until it has drained", async () => {
    const set = failedOver({ outboxGatewayRowsMax: 3 });
    for (const name of ["b", "c", "d", "e"]) {
      set.append(name);
      set.scheduler.pass(TICK);
    }
    expect(set.outcomes).toEqual([
      "a outbox",
      "b outbox",
      "c outbox",
      "d log_unavailable",
      "e log_unavailable",
    ]);
    expect(set.at.get("e")).toBe(0);
    await set.publish();
    set.scheduler.pass(300);
    set.append("f");
    expect(set.appends.at(-1)?.names).toEqual(["f"]);
  });

  test("is refused what is beyond the gateway's characters", () => {
    const { length } = recordOf("a").value;
    const set = failedOver({ outboxGatewayBytesMax: 2 * length });
    for (const name of ["b", "c"]) set.append(name);
    set.scheduler.pass(TICK);
    expect(set.outcomes).toEqual(["a outbox", "b outbox", "c log_unavailable"]);
  });

  test("is refused what is beyond the bounds of all gateways", () => {
    const set = failedOver({ outboxRowsMax: 1 });
    set.append("b");
    set.scheduler.pass(TICK);
    expect(set.outcomes).toEqual(["a outbox", "b log_unavailable"]);
  });

  test("puts in bounded puts, in order", () => {
    const set = failedOver({ outboxPutRowsMax: 2 });
    const gate = Promise.withResolvers<void>();
    set.outbox.faults.putGate = gate.promise;
    for (const name of ["b", "c", "d", "e"]) set.append(name);
    set.scheduler.pass(0);
    set.outbox.faults.putGate = undefined;
    gate.resolve();
    set.scheduler.pass(TICK);
    expect(set.outbox.faults.puts).toBe(1 + 1 + 2);
    expect(rows(set)).toEqual(["a 2", "b 2", "c 2", "d 2", "e 2"]);
  });
});
