import { describe, expect, test } from "bun:test";
import type { MetricSpec, Telemetry } from "../../src/ports/telemetry.ts";

export interface TelemetryRig {
  readonly telemetry: Telemetry;
  /** A counter's or gauge's value as whoever reads the numbers sees it. */
  value(name: string, labels?: MetricSpec["labels"]): Promise<number | undefined>;
  distribution(
    name: string,
    labels?: MetricSpec["labels"],
  ): Promise<{ readonly count: number; readonly sum: number } | undefined>;
  close(): void;
}

const NAME = "tidegate_test_things_total";
const SECONDS = { name: "tidegate_test_wait_seconds", help: "Waits", buckets: [0.1, 1] };

/** Every sentence of the port `telemetry`, for one adapter. */
export function telemetryConformance(name: string, create: () => TelemetryRig) {
  const run = (title: string, check: (rig: TelemetryRig) => void | Promise<void>) =>
    test(title, async () => {
      const rig = create();
      try {
        await check(rig);
      } finally {
        rig.close();
      }
    });

  describe(`telemetry: ${name}`, () => {
    run("a counter shows what was added to its field", async (rig) => {
      const counter = rig.telemetry.counter({ name: NAME, help: "Things" });
      counter.value += 2;
      counter.value++;
      expect(await rig.value(NAME)).toBe(3);
    });

    run("asking twice for a series gives the same one, in any order of labels", async (rig) => {
      const labels = { a: "1", b: "2" };
      const one = rig.telemetry.counter({ name: NAME, help: "Things", labels });
      const same = rig.telemetry.counter({
        name: NAME,
        help: "Things",
        labels: { b: "2", a: "1" },
      });
      expect(same).toBe(one);
      expect(rig.telemetry.histogram(SECONDS)).toBe(rig.telemetry.histogram(SECONDS));
    });

    run("series of one metric with other labels count for themselves", async (rig) => {
      for (const [verb, count] of [
        ["send", 1],
        ["history", 2],
      ] as const) {
        rig.telemetry.counter({ name: NAME, help: "Things", labels: { verb } }).value = count;
      }
      expect(await rig.value(NAME, { verb: "send" })).toBe(1);
      expect(await rig.value(NAME, { verb: "history" })).toBe(2);
      expect(await rig.value(NAME, { verb: "other" })).toBeUndefined();
    });

    run("a histogram keeps count and sum of what it observed", async (rig) => {
      const histogram = rig.telemetry.histogram(SECONDS);
      for (const value of [0, 0.1, 0.5, 1, 30]) histogram.observe(value);
      expect(await rig.distribution(SECONDS.name)).toMatchObject({ count: 5, sum: 31.6 });
    });

    run("an observation counts as often as it says", async (rig) => {
      const histogram = rig.telemetry.histogram(SECONDS);
      histogram.observe(0.5, 10);
      histogram.observe(2);
      expect(await rig.distribution(SECONDS.name)).toMatchObject({ count: 11, sum: 7 });
    });

    run("readings have the series of now, and no others", async (rig) => {
      const spec = { name: "tidegate_test_lag_records", help: "Lag" };
      let partition = "1";
      rig.telemetry.readings(spec, () => [{ labels: { partition, pool: "p" }, value: 7 }]);
      expect(await rig.value(spec.name, { pool: "p", partition: "1" })).toBe(7);
      partition = "2";
      expect(await rig.value(spec.name, { pool: "p", partition: "1" })).toBeUndefined();
      expect(await rig.value(spec.name, { pool: "p", partition: "2" })).toBe(7);
    });

    run("a gauge is read anew each time, and the last reader given counts", async (rig) => {
      const gauge = { name: "tidegate_test_sockets", help: "Sockets" };
      let sockets = 1;
      rig.telemetry.gauge(gauge, () => -1);
      rig.telemetry.gauge(gauge, () => sockets);
      expect(await rig.value(gauge.name)).toBe(1);
      sockets = 7;
      expect(await rig.value(gauge.name)).toBe(7);
    });

    run("names that Prometheus' practices forbid are refused", ({ telemetry }) => {
      const counter = (metric: string, labels = {}) =>
        telemetry.counter({ name: metric, help: "Things", labels });
      const gauge = (metric: string) => telemetry.gauge({ name: metric, help: "Things" }, () => 0);
      expect(() => counter("tidegate_test_things")).toThrow("_total");
      expect(() => gauge("tidegate_test_things_total")).toThrow("_total");
      expect(() => gauge("tidegate_test_ms")).toThrow("base unit");
      expect(() => gauge("tidegate_test_kilobytes_max")).toThrow("base unit");
      expect(() => gauge("tidegate_test_bytes_sum")).toThrow("reserved");
      expect(() => gauge("Tidegate-test")).toThrow("lower case");
      expect(() => counter(NAME, { le: "1" })).toThrow("le is not a label");
      expect(() => telemetry.gauge({ name: "tidegate_test", help: "" }, () => 0)).toThrow("help");
    });

    run("one name cannot be of two kinds", ({ telemetry }) => {
      telemetry.histogram(SECONDS);
      expect(() => telemetry.gauge(SECONDS, () => 0)).toThrow("histogram already");
    });

    run("a line with fields of any kind is taken without an error", ({ telemetry }) => {
      const cyclic: Record<string, unknown> = { big: 2n ** 70n, error: new Error("x") };
      cyclic["self"] = cyclic;
      telemetry.log("info", "plain");
      telemetry.log("error", "odd", cyclic);
    });
  });
}
