import type { Arguments } from "./arguments.ts";
import { Scrape } from "./metrics.ts";
import { Generator } from "./native/generator.ts";
import type { Histogram } from "./native/histogram.ts";
import { RunNames } from "./native/key.ts";
import type { Faults } from "./native/ledger.ts";
import { type TidegateMember, TidegateProtocol } from "./native/tidegate.ts";
import { Bystanders, cpuShare, cpuTimes } from "./process-usage.ts";
import type { Figures } from "./result.ts";
import { ServerProcess } from "./server.ts";

/** Starts the server that the arguments ask for: a fresh standalone one unless `--program` is given. */
export function startServer(
  args: Arguments,
  settings: Record<string, string> = {},
): Promise<ServerProcess> {
  return ServerProcess.start({ settings, program: args.text("program") });
}

/** Clients for a server, none connected yet. */
export function generatorFor(server: ServerProcess): Generator<TidegateMember> {
  const names = new RunNames();
  const token = (user: string): Promise<string> => server.key.token(user);
  const options = { addresses: [server.address], token, names };
  return new Generator(options, new TidegateProtocol(names));
}

/** What two halves of a run's figures have in common: throughput, CPU and flushes of a time span. */
export async function observe(
  server: ServerProcess,
  generator: Generator,
  ms: number,
): Promise<Omit<Figures, keyof Faults>> {
  const metrics = await Scrape.of(server.url);
  const serverBefore = cpuTimes(server.pid);
  const ownBefore = cpuTimes(process.pid);
  const bystanders = new Bystanders([server.pid, process.pid]);
  const measured = await generator.measure(ms);
  const othersPercent = bystanders.percent();
  const serverAfter = cpuTimes(server.pid);
  const serverShare = cpuShare(serverBefore, serverAfter);
  const ownAfter = cpuTimes(process.pid);
  const flushes = (await Scrape.of(server.url)).flushesSince(metrics);
  const ownMicros = (ownAfter.total - ownBefore.total) * 1e6;
  return {
    acked_per_s: measured.acked / measured.seconds,
    delivered_per_s: measured.delivered / measured.seconds,
    seconds: measured.seconds,
    ...flushes,
    server_cpu_percent: serverShare.total,
    server_threads_percent: serverShare.threads,
    others_cpu_percent: othersPercent,
    server_us_per_message:
      measured.acked === 0 ? 0 : ((serverAfter.total - serverBefore.total) * 1e6) / measured.acked,
    generator_cpu_percent: cpuShare(ownBefore, ownAfter).total,
    generator_us_per_message: measured.acked === 0 ? 0 : ownMicros / measured.acked,
  };
}

/** Socket-to-socket and receipt times of everything since the last `measure`. */
export function times(generator: Generator): Partial<Figures> {
  const { deliveryTimes, receiptTimes } = generator.ledger;
  return { ...quantiles("", deliveryTimes), ...quantiles("receipt_", receiptTimes) };
}

export function quantiles(prefix: string, histogram: Histogram): Record<string, number> {
  return {
    [`${prefix}p50_ms`]: histogram.quantileMs(0.5),
    [`${prefix}p99_ms`]: histogram.quantileMs(0.99),
    [`${prefix}p999_ms`]: histogram.quantileMs(0.999),
    [`${prefix}max_ms`]: histogram.maxMs,
  };
}

/** Fails the program when a message was lost, doubled, reordered, altered or refused. */
export function demandClean(faults: Faults): Faults {
  const isClean = Object.values(faults).every((count) => count === 0);
  if (!isClean) process.exitCode = 1;
  return faults;
}

/** How much of a program is run: `--quick` for a first look, else the whole. */
export function duration(args: Arguments, seconds: number): number {
  return args.number("seconds", args.has("quick") ? Math.max(2, seconds / 5) : seconds) * 1000;
}

/** Whether figures go to the file: only those of a whole run against the real program. */
export function isRecorded(args: Arguments): boolean {
  return !args.has("quick") && !args.has("dry") && args.text("program") === undefined;
}
