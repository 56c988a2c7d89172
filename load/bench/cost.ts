import { Scrape } from "../metrics.ts";
import { PeerProcess } from "../peers/peer-process.ts";
import type { Figures } from "../result.ts";
import { type Load, runLoad } from "./load.ts";
import { openStage, type Stage, type StageOptions } from "./stage.ts";

const LOAD: Load = {
  layout: { sockets: 200, roomSize: 2 },
  pace: { kind: "closed", window: 2, perFrame: 10 },
  warmUpS: 5,
  seconds: 20,
};
const SCRAPE_EVERY_MS = 1_000;

/** The same load without traces, and with one message in a hundred traced and sent to a collector. */
export async function tracesRow(
  name: "standalone" | "cluster",
  options: StageOptions,
): Promise<Figures> {
  const without = await fresh(name, options);
  await using sink = await PeerProcess.start([process.execPath, "load/trace-sink.ts"]);
  const settings = {
    ...options.settings,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://${sink.address.hostname}:${sink.address.port}`,
    OTEL_TRACES_SAMPLER_ARG: "0.01",
  };
  const figures = await fresh(name, { ...options, settings });
  return { ...figures, ...versus(figures, without) };
}

/** The same load on one server, without and with someone who reads its metrics every second. */
export async function scrapesRow(options: StageOptions): Promise<Figures> {
  await using stage = await openStage("cluster", options);
  const without = await runLoad(stage.target, LOAD, options);
  let scrapes = 0;
  let fault: unknown;
  const timer = setInterval(() => {
    void scrape(stage).then(
      () => void scrapes++,
      (error: unknown) => {
        fault ??= error;
      },
    );
  }, SCRAPE_EVERY_MS);
  try {
    const figures = await runLoad(stage.target, LOAD, options);
    if (fault !== undefined) throw new Error("metrics could not be read", { cause: fault });
    return { ...figures, ...versus(figures, without), scrapes };
  } finally {
    clearInterval(timer);
  }
}

async function fresh(name: "standalone" | "cluster", options: StageOptions): Promise<Figures> {
  await using stage = await openStage(name, options);
  return await runLoad(stage.target, LOAD, options);
}

async function scrape({ cluster }: Stage): Promise<void> {
  const slots = [...(cluster?.gateways ?? []), ...(cluster?.consumers ?? [])];
  const programs = slots.filter((program) => program !== undefined);
  await Promise.all(programs.map(({ url }) => Scrape.of(url)));
}

function versus(figures: Figures, without: Figures): Figures {
  return {
    acked_per_s_without: without.acked_per_s,
    cpu_us_per_message_without: without["cpu_us_per_message"],
    ratio: Number(figures.acked_per_s) / Number(without.acked_per_s),
    cpu_ratio: Number(figures["cpu_us_per_message"]) / Number(without["cpu_us_per_message"]),
  };
}
