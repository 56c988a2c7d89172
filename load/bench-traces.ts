/**
 * What traces cost: the closed loop without them, and at some ratios, in turn and several times,
 * against a collector that does nothing. Standalone; of a cluster the same is told by bench-cluster
 * with `--set=OTEL_EXPORTER_OTLP_ENDPOINT=…,OTEL_TRACES_SAMPLER_ARG=0.01` and load/trace-sink.ts.
 *
 *     bun load/bench-traces.ts [--ratios=off,0,0.01] [--rounds=3] [--seconds=10] [--per-frame=10]
 *         [--window=8] [--sockets=200] [--room=2] [--quick]
 */
import { Arguments } from "./arguments.ts";
import { demandClean, duration, generatorFor, observe, startServer } from "./trial.ts";

const WARM_UP_MS = 10_000;

interface Run {
  readonly acked: number;
  /** CPU of the server for a message. */
  readonly micros: number;
}

const args = Arguments.ofProgram(
  "per-frame program quick ratios room rounds seconds sockets window".split(" "),
);
const rounds = args.number("rounds", 3);
const perFrame = args.number("per-frame", 10);
const window = args.number("window", 8);
const sockets = args.number("sockets", 200);
const roomSize = args.number("room", 2);
const ratios = (args.text("ratios") ?? "off,0,0.01").split(",");

const runs = new Map<string, Run[]>(ratios.map((ratio) => [ratio, []]));
for (let round = 1; round <= rounds; round++) {
  // Each round begins with another one: what a machine does over time is nobody's advantage.
  for (let i = 0; i < ratios.length; i++) {
    const ratio = ratios[(i + round) % ratios.length] as string;
    const run = await measure(ratio);
    runs.get(ratio)?.push(run);
    print(`round ${round}`, ratio, run);
  }
}
const first = median(runs.get(ratios[0] as string) ?? []);
process.stdout.write("\n");
for (const [ratio, all] of runs) {
  const middle = median(all);
  const change = (100 * (middle.acked - first.acked)) / first.acked;
  print("median", ratio, middle, `  ${change.toFixed(1)} %`);
}

async function measure(ratio: string): Promise<Run> {
  const sink = ratio === "off" ? undefined : await startSink();
  try {
    const settings: Record<string, string> =
      sink === undefined
        ? {}
        : { OTEL_EXPORTER_OTLP_ENDPOINT: sink.url, OTEL_TRACES_SAMPLER_ARG: ratio };
    await using server = await startServer(args, settings);
    const generator = generatorFor(server);
    await generator.connect({ sockets, roomSize });
    generator.closedLoop(window, perFrame);
    await generator.measure(args.has("quick") ? WARM_UP_MS / 3 : WARM_UP_MS);
    const figures = await observe(server, generator, duration(args, 10));
    demandClean(await generator.settle());
    generator.close();
    return {
      acked: Number(figures["acked_per_s"]),
      micros: Number(figures["server_us_per_message"]),
    };
  } finally {
    sink?.stop();
  }
}

async function startSink(): Promise<{ readonly url: string; readonly stop: () => void }> {
  const child = Bun.spawn([process.execPath, `${import.meta.dir}/trace-sink.ts`], {
    stdout: "pipe",
  });
  let url = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    url += chunk;
    if (url.includes("\n")) break;
  }
  return { url: url.trim(), stop: () => child.kill() };
}

function median(all: readonly Run[]): Run {
  const middle = (of: (run: Run) => number): number =>
    all.map(of).toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;
  return { acked: middle(({ acked }) => acked), micros: middle(({ micros }) => micros) };
}

function print(label: string, ratio: string, { acked, micros }: Run, rest = ""): void {
  const what = ratio === "off" ? "no traces" : `sampled ${ratio}`;
  process.stdout.write(
    `${label.padEnd(8)}  ${what.padEnd(14)}  ${acked.toFixed(0).padStart(8)} acked/s  ${micros.toFixed(2).padStart(6)} µs of the server a message${rest}\n`,
  );
}
