import { describe, expect, test } from "bun:test";
import type { Clock } from "../../src/ports/clock.ts";

/**
 * Every sentence of the port `clock`, for one adapter whose time passes while a test awaits one of
 * its timers.
 */
export function clockConformance(name: string, create: () => Clock) {
  const clock = create();
  describe(`clock: ${name}`, () => {
    test("calls back in order of due time, and not from within the call that registers", async () => {
      const order: string[] = [];
      const done = new Promise<void>((resolve) => {
        clock.after(12, () => {
          order.push("12");
          resolve();
        });
        clock.after(4, () => order.push("4"));
        clock.after(0, () => order.push("0"));
      });
      order.push("registered");
      await done;
      expect(order).toEqual(["registered", "0", "4", "12"]);
    });

    test("never calls back early, also for fractions of a millisecond", async () => {
      const startMs = clock.monotonic();
      await new Promise<void>((resolve) => void clock.after(5.5, resolve));
      expect(clock.monotonic() - startMs).toBeGreaterThanOrEqual(5);
    });

    test("a cancelled timer never calls back, even when cancelled by one due before it", async () => {
      let calls = 0;
      const doomed = clock.after(3, () => calls++);
      clock.after(1, () => doomed.cancel());
      await new Promise<void>((resolve) => void clock.after(10, resolve));
      doomed.cancel();
      expect(calls).toBe(0);
    });

    test("a delay of months does not overflow into none", async () => {
      let calls = 0;
      const timer = clock.after(90 * 86_400_000, () => calls++);
      const endless = clock.after(Number.POSITIVE_INFINITY, () => calls++);
      await new Promise<void>((resolve) => void clock.after(10, resolve));
      timer.cancel();
      endless.cancel();
      expect(calls).toBe(0);
    });

    test("what is no delay is refused", () => {
      expect(() => clock.after(Number.NaN, () => {})).toThrow("not a delay");
      expect(() => clock.every(-1, () => {})).toThrow("not a delay");
    });

    test("a repeated timer goes on until it is cancelled by itself", async () => {
      let calls = 0;
      await new Promise<void>((resolve) => {
        const timer = clock.every(1, () => {
          if (++calls < 3) return;
          timer.cancel();
          clock.after(10, resolve);
        });
      });
      expect(calls).toBe(3);
    });

    test("deferred work runs after the promises of this turn", async () => {
      const order: string[] = [];
      await new Promise<void>((resolve) => {
        clock.defer(() => {
          order.push("deferred");
          resolve();
        });
        void Promise.resolve().then(() => order.push("promise"));
        order.push("turn");
      });
      expect(order).toEqual(["turn", "promise", "deferred"]);
    });

    test("monotonic time never steps back", () => {
      let last = clock.monotonic();
      for (let i = 0; i < 10_000; i++) {
        const now = clock.monotonic();
        expect(now).toBeGreaterThanOrEqual(last);
        last = now;
      }
    });
  });
}
