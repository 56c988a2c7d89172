import { PeerProcess } from "../peers/peer-process.ts";
import type { Figures } from "../result.ts";
import { FAULT_NAMES, type Load, RunningLoad, runLoad, stretchFigures } from "./load.ts";
import { mean, type Pair, ratioOf, takePairs } from "./pairs.ts";
import { Scraper } from "./scraper.ts";
import { openStage, type StageOptions, startStage } from "./stage.ts";

const LOAD: Load = {
  layout: { sockets: 200, roomSize: 2 },
  pace: { kind: "closed", window: 2, perFrame: 10 },
  warmUpS: 12,
  seconds: 12,
};
const WINDOW_S = 5;
const WINDOW_PAIRS = 10;
/**
 * New programs differ by 5 % before any of them is traced, so it takes some pairs; and those of a
 * cluster compile for longer, traced ones last, since few messages come that way.
 */
const RUNS = {
  standalone: { pairs: 3, load: LOAD },
  cluster: { pairs: 4, load: { ...LOAD, warmUpS: 20 } },
} as const;
/** More than anybody needs: what one a second costs is less than what pairs can tell. */
const SCRAPES_PER_S = 10;

/**
 * The same load without traces, and with one message in a hundred traced and sent to a collector. Each
 * run has new programs: of two that ran side by side, the luck of one's compiler would seem to be the
 * cost. A cluster's services stay.
 */
export async function tracesRow(
  name: "standalone" | "cluster",
  options: StageOptions,
): Promise<Figures> {
  await using sink = await PeerProcess.start([process.execPath, "load/trace-sink.ts"]);
  const traced = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://${sink.address.hostname}:${sink.address.port}`,
    OTEL_TRACES_SAMPLER_ARG: "0.01",
  };
  const { load } = RUNS[name];
  const pairs = options.isQuick ? 2 : RUNS[name].pairs;
  if (name === "standalone") {
    return told(
      await takePairs(pairs, async (isTraced) => {
        const settings = { ...options.settings, ...(isTraced ? traced : {}) };
        await using stage = await startStage(name, { ...options, settings });
        return await runLoad(stage.target, load, options);
      }),
      options,
    );
  }
  await using stage = await openStage(name, options);
  return told(
    await takePairs(pairs, async (isTraced) => {
      await stage.cluster?.restart(isTraced ? traced : {});
      return await runLoad(stage.target, load, options);
    }),
    options,
  );
}

/**
 * One load on one warm cluster, half of the time with someone who reads the metrics of all programs, ten
 * times as often as one would.
 */
export async function scrapesRow(options: StageOptions): Promise<Figures> {
  await using stage = await openStage("cluster", options);
  await using running = await RunningLoad.start(stage.target, LOAD, options);
  const { gateways = [], consumers = [] } = stage.cluster ?? {};
  const urls = [...gateways, ...consumers].flatMap((program) => program?.url ?? []);
  let scrapes = 0;
  const stretches = await takePairs(options.isQuick ? 2 : WINDOW_PAIRS, async (isScraped) => {
    if (!isScraped) return await running.measure(WINDOW_S);
    const scraper = new Scraper(urls, 1_000 / SCRAPES_PER_S);
    const stretch = await running.measure(WINDOW_S);
    scrapes += await scraper.stop();
    return stretch;
  });
  const last = stretches.at(-1)?.with;
  const end = last === undefined ? {} : await running.end(last);
  const pairs = stretches.map((pair) => ({
    with: stretchFigures(pair.with),
    without: stretchFigures(pair.without),
  }));
  const cost = told(pairs, options);
  const ofOne = (name: keyof Figures): number => Number(cost[name]) / SCRAPES_PER_S;
  return {
    ...end,
    ...cost,
    scrapes,
    cost_percent_of_one_per_s: ofOne("cost_percent"),
    cost_percent_of_one_per_s_error: ofOne("cost_percent_error"),
  };
}

function told(pairs: readonly Pair<Figures>[], { say }: StageOptions): Figures {
  const ratios = pairs.map(
    (pair) => Number(pair.with.acked_per_s) / Number(pair.without.acked_per_s),
  );
  say(`    acked/s with to without, by pair: ${ratios.map((one) => one.toFixed(3)).join(" ")}`);
  return costFigures(pairs);
}

/** The last sample's figures with the means, the faults of all samples, and what pairs say of the cost. */
export function costFigures(pairs: readonly Pair<Figures>[]): Figures {
  const all = pairs.flatMap((pair) => [pair.with, pair.without]);
  const of = (name: keyof Figures) => (figures: Figures) => Number(figures[name]);
  const meanOf = (kind: keyof Pair<Figures>, name: keyof Figures): number =>
    mean(pairs.map((pair) => of(name)(pair[kind])));
  const acked = ratioOf(pairs, of("acked_per_s"));
  const cpu = ratioOf(pairs, of("cpu_us_per_message"));
  const work = ratioOf(pairs, workOf);
  const faults = FAULT_NAMES.filter((name) => all.some((figures) => name in figures));
  return {
    ...pairs.at(-1)?.with,
    ...Object.fromEntries(
      faults.map((name) => [name, all.reduce((sum, one) => sum + of(name)(one), 0)]),
    ),
    acked_per_s: meanOf("with", "acked_per_s"),
    delivered_per_s: meanOf("with", "delivered_per_s"),
    acked_per_s_without: meanOf("without", "acked_per_s"),
    cpu_us_per_message: meanOf("with", "cpu_us_per_message"),
    cpu_us_per_message_without: meanOf("without", "cpu_us_per_message"),
    others_cpu_percent: mean(all.map(of("others_cpu_percent"))),
    ratio: acked.ratio,
    // Of throughput. A ratio is shown with two decimals, which is too little here.
    cost_percent: 100 * (1 - acked.ratio),
    cost_percent_error: 100 * acked.error,
    cost_percent_at_one_speed: 100 * (1 - 1 / work.ratio),
    cost_percent_at_one_speed_error: (100 * work.error) / work.ratio ** 2,
    cpu_ratio: cpu.ratio,
    cpu_cost_percent: 100 * (cpu.ratio - 1),
    cpu_cost_percent_error: 100 * cpu.error,
    pairs: pairs.length,
  };
}

/**
 * CPU of a message in all processes, in units of what it takes the generator, which does the same for
 * each: the machine was faster in one run and slower in the next, and this is not. Throughput is its
 * reciprocal, where CPU is all that there is too little of.
 */
function workOf(figures: Figures): number {
  return 1 + Number(figures["cpu_us_per_message"]) / Number(figures["generator_us_per_message"]);
}
