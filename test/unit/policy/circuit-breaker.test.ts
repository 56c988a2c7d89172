import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  CIRCUIT_POLICY,
  CircuitBreaker,
  RESET_MS_MAX,
} from "../../../src/policy/circuit-breaker.ts";

function opened(at = 0): CircuitBreaker {
  const circuit = new CircuitBreaker();
  for (let i = 0; i < CIRCUIT_POLICY.failuresToOpen; i++) {
    expect(circuit.admit(at)).toBe(true);
    circuit.failed(at);
  }
  return circuit;
}

describe("a circuit breaker", () => {
  test("stays closed up to four failures in a row", () => {
    const circuit = new CircuitBreaker();
    for (let i = 0; i < 4; i++) circuit.failed(i);
    expect(circuit.state).toBe("closed");
    circuit.succeeded(5);
    for (let i = 0; i < 4; i++) circuit.failed(i);
    expect(circuit.state).toBe("closed");
    expect(circuit.nextTryAt).toBe(0);
  });

  test("opens at the fifth and lets nothing pass until its reset time", () => {
    const circuit = opened(100);
    expect(circuit.state).toBe("open");
    expect(circuit.admit(1_099)).toBe(false);
    expect(circuit.nextTryAt).toBe(1_100);
    expect(circuit.admit(1_100)).toBe(true);
    expect(circuit.state).toBe("half_open");
  });

  test("lets one try at a time pass while it is half open", () => {
    const circuit = opened();
    expect(circuit.admit(1_000)).toBe(true);
    expect(circuit.admit(1_001)).toBe(false);
    circuit.succeeded(1_010);
    expect(circuit.state).toBe("half_open");
    expect(circuit.admit(1_010)).toBe(true);
    expect(circuit.admit(1_011)).toBe(false);
  });

  test("closes after two successful tries", () => {
    const circuit = opened();
    for (const now of [1_000, 1_005]) {
      expect(circuit.admit(now)).toBe(true);
      circuit.succeeded(now);
    }
    expect(circuit.state).toBe("closed");
    expect([circuit.admit(1_006), circuit.admit(1_006)]).toEqual([true, true]);
  });

  test("waits 1, 2, 4, 8 and then 10 s between tries that fail", () => {
    const circuit = opened();
    const waits: number[] = [];
    let now = 0;
    for (let i = 0; i < 6; i++) {
      waits.push(circuit.nextTryAt - now);
      now = circuit.nextTryAt;
      expect(circuit.admit(now)).toBe(true);
      circuit.failed(now);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  test("begins with the first wait again after it was closed", () => {
    const circuit = opened();
    circuit.admit(1_000);
    circuit.failed(1_000);
    for (const now of [3_000, 3_001]) {
      circuit.admit(now);
      circuit.succeeded(now);
    }
    for (let i = 0; i < 5; i++) circuit.failed(4_000);
    expect(circuit.nextTryAt).toBe(5_000);
  });

  test("opens again at one failure after one success of a half-open circuit", () => {
    const circuit = opened();
    circuit.admit(1_000);
    circuit.succeeded(1_000);
    circuit.admit(1_001);
    circuit.failed(1_001);
    expect(circuit.state).toBe("open");
    expect(circuit.nextTryAt).toBe(3_001);
  });

  test("gives up a try that has no outcome after another reset time", () => {
    const circuit = opened();
    expect(circuit.admit(1_000)).toBe(true);
    expect(circuit.admit(1_999)).toBe(false);
    expect(circuit.admit(2_000)).toBe(true);
  });

  test("lets another try pass at once when one did not take place", () => {
    const circuit = opened();
    circuit.admit(1_000);
    circuit.released(1_005);
    expect(circuit.admit(1_005)).toBe(true);
    circuit.failed(1_006);
    circuit.released(1_007);
    expect(circuit.nextTryAt).toBe(3_006);
  });

  test("takes nothing from outcomes that come while it is open", () => {
    const circuit = opened();
    circuit.succeeded(10);
    circuit.failed(20);
    expect(circuit.state).toBe("open");
    expect(circuit.nextTryAt).toBe(1_000);
  });

  test("refuses a policy that would never open, never close, or wait beyond five minutes", () => {
    const made = (change: Partial<typeof CIRCUIT_POLICY>) => () =>
      new CircuitBreaker({ ...CIRCUIT_POLICY, ...change });
    expect(made({ failuresToOpen: 0 })).toThrow(RangeError);
    expect(made({ successesToClose: 0 })).toThrow(RangeError);
    expect(made({ resetFirstMs: 0 })).toThrow(RangeError);
    expect(made({ resetFirstMs: 20_000 })).toThrow(RangeError);
    expect(made({ resetMaxMs: RESET_MS_MAX + 1 })).toThrow(RangeError);
    expect(made({ resetMaxMs: Number.NaN })).toThrow(RangeError);
    expect(made({ resetMaxMs: RESET_MS_MAX })).not.toThrow();
  });

  test("never lets two tries pass within its shortest reset time unless one had an outcome", () => {
    const steps = fc.array(
      fc.record({ pass: fc.nat({ max: 3_000 }), ok: fc.option(fc.boolean(), { nil: undefined }) }),
      { maxLength: 200 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const circuit = opened();
        let now = 0;
        let pendingSince: number | undefined;
        for (const { pass, ok } of all) {
          now += pass;
          const due = circuit.nextTryAt;
          const before = circuit.state;
          const admitted = circuit.admit(now);
          if (before === "closed") expect(admitted).toBe(true);
          else {
            expect(admitted).toBe(now >= due);
            expect(due - now).toBeLessThanOrEqual(CIRCUIT_POLICY.resetMaxMs);
            if (admitted && pendingSince !== undefined)
              expect(now - pendingSince).toBeGreaterThanOrEqual(CIRCUIT_POLICY.resetFirstMs);
          }
          if (!admitted) continue;
          pendingSince = ok === undefined && before !== "closed" ? now : undefined;
          if (ok === true) circuit.succeeded(now);
          else if (ok === false) circuit.failed(now);
        }
      }),
    );
  });

  test("always closes in the end when all goes well again", () => {
    const outcomes = fc.array(fc.boolean(), { maxLength: 100 });
    fc.assert(
      fc.property(outcomes, (all) => {
        const circuit = new CircuitBreaker();
        let now = 0;
        for (const ok of all) {
          now = Math.max(now, circuit.nextTryAt);
          circuit.admit(now);
          if (ok) circuit.succeeded(now);
          else circuit.failed(now);
        }
        for (let i = 0; i < CIRCUIT_POLICY.successesToClose; i++) {
          now = Math.max(now, circuit.nextTryAt);
          expect(circuit.admit(now)).toBe(true);
          circuit.succeeded(now);
        }
        expect(circuit.state).toBe("closed");
      }),
    );
  });
});
