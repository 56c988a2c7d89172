/**
 * A client comes back after 100,000 messages of its conversation and catches up while the
 * conversation and others go on: events a second from its subscription until `live`.
 *
 *     bun load/bench-resume.ts [--quick] [--events=100000] [--live-rate=2000] [--rounds=3]
 */
import { Arguments } from "./arguments.ts";
import { Bystanders } from "./process-usage.ts";
import { report } from "./result.ts";
import { demandClean, generatorFor, isRecorded, startServer, times } from "./trial.ts";

const SENDERS = 20;
const WINDOW = 4;
const PER_FRAME = 10;
const LIVE_TIMEOUT_MS = 60_000;
const POLL_MS = 1;

const args = Arguments.ofProgram("dry events live-rate program quick rounds".split(" "));
const events = args.number("events", args.has("quick") ? 20_000 : 100_000);
const liveRate = args.number("live-rate", 2_000);
const rounds = args.number("rounds", 3);

await using server = await startServer(args);
const generator = generatorFor(server);
// Everyone writes to the one conversation that will be read back.
await generator.connect({ sockets: SENDERS, roomSize: SENDERS });
const filling = generator.closedLoop(WINDOW, PER_FRAME, events / SENDERS / PER_FRAME);
while (filling.isRunning || generator.ledger.unanswered > 0) await Bun.sleep(10);

generator.openLoop(liveRate);
await generator.measure(2_000);
const rates: number[] = [];
const bystanders = new Bystanders([server.pid, process.pid]);
for (let round = 0; round < rounds; round++) {
  const late = await generator.join();
  const startedAt = performance.now();
  const reading = await generator.subscribe(late, 0, true);
  while (reading.liveAt === undefined) {
    if (performance.now() - startedAt > LIVE_TIMEOUT_MS) throw new Error("no live in time");
    await Bun.sleep(POLL_MS);
  }
  rates.push(reading.eventsAtLive / ((reading.liveAt - startedAt) / 1000));
}
const othersPercent = bystanders.percent();
const faults = demandClean(await generator.settle());
report(
  {
    name: "resume",
    mode: "standalone",
    title: `Resume over ${events} messages of a conversation with ${liveRate} new ones a second`,
  },
  {
    events,
    resumed_per_s: rates.toSorted((a, b) => a - b)[Math.floor(rates.length / 2)],
    resumed_per_s_min: Math.min(...rates),
    resumed_per_s_max: Math.max(...rates),
    others_cpu_percent: othersPercent,
    ...times(generator),
    ...faults,
  },
  isRecorded(args),
);
generator.close();
