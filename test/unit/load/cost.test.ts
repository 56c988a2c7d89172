import { expect, test } from "bun:test";
import { costFigures } from "../../../load/bench/cost.ts";
import { RunningLoad } from "../../../load/bench/load.ts";
import { ratioOf, takePairs } from "../../../load/bench/pairs.ts";
import { Scraper } from "../../../load/bench/scraper.ts";
import { FakeGateway } from "../../support/fake-gateway.ts";

test("pairs begin with what the one before ended with, so that drift is nobody's cost", async () => {
  let speed = 1_000;
  const order: boolean[] = [];
  const pairs = await takePairs(4, (isWith) => {
    order.push(isWith);
    speed *= 0.97;
    return Promise.resolve(isWith ? speed * 0.99 : speed);
  });
  expect(order).toEqual([true, false, false, true, true, false, false, true]);
  expect(ratioOf(pairs, (value) => value).ratio).toBeCloseTo(0.99, 10);
});

test("the error is the standard error of the pairs' mean", () => {
  const pairs = [0.9, 1.1, 0.9, 1.1].map((log) => ({ with: Math.exp(log), without: Math.E }));
  const { ratio, error } = ratioOf(pairs, (value) => value);
  expect(ratio).toBeCloseTo(1, 10);
  expect(error).toBeCloseTo(0.1 / Math.sqrt(3), 10);
});

test("a cost is told in percent beside its error, and every sample's faults count", () => {
  const sample = (acked: number, cpu: number, lost: number) => ({
    acked_per_s: acked,
    generator_us_per_message: 2,
    delivered_per_s: 2 * acked,
    cpu_us_per_message: cpu,
    others_cpu_percent: cpu,
    p99_ms: acked,
    lost,
  });
  const figures = costFigures([
    { with: sample(95, 21, 1), without: sample(100, 20, 2) },
    { with: sample(190, 21, 0), without: sample(200, 20, 4) },
  ]);
  expect(figures).toMatchObject({
    acked_per_s: 142.5,
    delivered_per_s: 285,
    acked_per_s_without: 150,
    cpu_us_per_message: 21,
    cpu_us_per_message_without: 20,
    others_cpu_percent: 20.5,
    p99_ms: 190,
    lost: 7,
    pairs: 2,
  });
  expect(figures).not.toHaveProperty("refused");
  for (const [name, value] of Object.entries({
    ratio: 0.95,
    cost_percent: 5,
    cost_percent_error: 0,
    cpu_ratio: 1.05,
    cpu_cost_percent: 5,
    cpu_cost_percent_error: 0,
    cost_percent_at_one_speed: 100 * (1 - 22 / 23),
    cost_percent_at_one_speed_error: 0,
  }))
    expect(Number(figures[name])).toBeCloseTo(value, 10);
});

test("a machine that was slower in one run of a pair is no cost at one speed", () => {
  // Half the speed, twice the time for all, and half the throughput.
  const run = (slowness: number, cost: number) => ({
    acked_per_s: 100_000 / slowness,
    cpu_us_per_message: 18 * slowness * cost,
    generator_us_per_message: 2 * slowness,
  });
  const figures = costFigures([
    { with: run(2, 1.05), without: run(1, 1) },
    { with: run(1, 1.05), without: run(1.2, 1) },
  ]);
  expect(Number(figures["cost_percent"])).toBeGreaterThan(20);
  expect(figures["cost_percent_at_one_speed"]).toBeCloseTo(100 * (1 - 20 / 20.9), 10);
  expect(figures["cost_percent_at_one_speed_error"]).toBeCloseTo(0, 10);
});

test("metrics are read at once and again and again, and one that cannot be read is told at the end", async () => {
  let reads = 0;
  const third = Promise.withResolvers<void>();
  await using program = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => {
      if (++reads === 3) third.resolve();
      return new Response(url, { status: url.endsWith("/broken/metrics") ? 503 : 200 });
    },
  });
  const scraper = new Scraper([program.url.origin], 1);
  await third.promise;
  expect(await scraper.stop()).toBeGreaterThanOrEqual(3);
  await expect(
    new Scraper([program.url.origin, `${program.url.origin}/broken`], 1).stop(),
  ).rejects.toThrow("metrics could not be read");
});

test("a load runs on between what is measured of it, and its faults are those of all of it", async () => {
  await using gateway = new FakeGateway({ dropAt: 30 });
  const load = {
    layout: { sockets: 4, roomSize: 2 },
    pace: { kind: "closed", window: 2, perFrame: 5 },
    warmUpS: 0,
    seconds: 0.1,
  } as const;
  await using running = await RunningLoad.start(gateway.target, load, { isQuick: false });
  const first = await running.measure(0.1);
  const second = await running.measure(0.1);
  expect(Math.min(first.acked, second.acked)).toBeGreaterThan(0);
  const figures = await running.end(second);
  expect(figures).toMatchObject({ lost: 1, duplicate: 0, refused: 0, seconds: second.seconds });
  expect(figures.acked_per_s).toBe(second.acked / second.seconds);
});
