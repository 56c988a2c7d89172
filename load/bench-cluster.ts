/**
 * The whole cluster on this machine (one broker, Postgres, Redis, one gateway, one consumers
 * process): closed loop as fast as it goes, then open loop at a fixed rate.
 *
 *     bun load/bench-cluster.ts [--quick] [--window=16] [--per-frame=1] [--rate=10000] [--partitions=4]
 *         [--set=KAFKA_LINGER=5,…]
 */
import { Arguments } from "./arguments.ts";
import { Cluster } from "./cluster/cluster.ts";
import { clusterUsage, memoryMiB, usageShare } from "./cluster/usage.ts";
import { Generator } from "./native/generator.ts";
import { RunNames } from "./native/key.ts";
import { TidegateProtocol } from "./native/tidegate.ts";
import { Bystanders } from "./process-usage.ts";
import { type Figures, report } from "./result.ts";
import { demandClean, duration, isRecorded, times } from "./trial.ts";

/** The broker's compiler takes this long; half of its CPU goes into it before. */
const WARM_UP_MS = 30_000;

const args = new Arguments();
const window = args.number("window", 16);
const perFrame = args.number("per-frame", 1);
const rate = args.number("rate", 10_000);
const sockets = args.number("sockets", 200);
const roomSize = args.number("room", 2);
const partitions = args.number("partitions", 4);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

await using cluster = await Cluster.start({
  gateways: 1,
  consumers: 1,
  brokers: 1,
  partitions,
  settings: Object.fromEntries(pairs(args.text("set"))),
  log: say,
});

if (!args.has("open")) await closed();
if (!args.has("closed")) await open();

async function closed(): Promise<void> {
  const generator = await clients();
  generator.closedLoop(window, perFrame);
  const figures = await run(generator, 20);
  const name = `cluster-closed-loop-${perFrame}x${window}`;
  const title = `Cluster, closed loop, ${sockets} sockets in rooms of ${roomSize}, ${perFrame} a frame, ${window} frames unanswered`;
  report({ name, mode: "cluster", title }, figures, isRecorded(args));
}

async function open(): Promise<void> {
  const generator = await clients();
  generator.openLoop(rate);
  const figures = await run(generator, 30);
  const name = `cluster-open-loop-${rate}`;
  const title = `Cluster, open loop, ${rate} messages a second, ${sockets} sockets in rooms of ${roomSize}`;
  report({ name, mode: "cluster", title }, figures, isRecorded(args));
}

async function clients(): Promise<Generator> {
  const address = cluster.address(() => 0);
  if (address === undefined) throw new Error("no gateway is up");
  const names = new RunNames();
  const token = (user: string): Promise<string> => cluster.key.token(user);
  const options = { addresses: [address], token, names };
  const generator = new Generator(options, new TidegateProtocol(names));
  await generator.connect({ sockets, roomSize });
  return generator;
}

async function run(generator: Generator, seconds: number): Promise<Figures> {
  await generator.measure(args.has("quick") ? WARM_UP_MS / 3 : WARM_UP_MS);
  const before = clusterUsage();
  const bystanders = new Bystanders([]);
  const measured = await generator.measure(duration(args, seconds));
  const machinePercent = bystanders.percent();
  const cpu = usageShare(before, clusterUsage());
  const known = Object.values(cpu).reduce((sum, share) => sum + share, 0);
  const memory = memoryMiB();
  const faults = demandClean(await generator.settle());
  const figures = {
    acked_per_s: measured.acked / measured.seconds,
    delivered_per_s: measured.delivered / measured.seconds,
    seconds: measured.seconds,
    cpu_percent: cpu,
    others_cpu_percent: Math.max(0, machinePercent - known),
    memory_mib: memory,
    ...times(generator),
    ...faults,
    durability: [...generator.ledger.durabilities.keys()].join(" "),
  };
  generator.close();
  return figures;
}

/** `A=1,B=2` */
function pairs(text: string | undefined): [string, string][] {
  if (text === undefined) return [];
  return text.split(",").map((pair) => {
    const at = pair.indexOf("=");
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
}
