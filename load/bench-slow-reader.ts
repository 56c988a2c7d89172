/**
 * One reader never reads its socket while its room gets 5,000 messages a second: how the server's
 * memory and the other readers' times change, and whether the slow one ends complete.
 *
 *     bun load/bench-slow-reader.ts [--quick] [--rate=5000] [--seconds=60] [--members=10]
 */
import { Arguments } from "./arguments.ts";
import { residentBytes } from "./process-usage.ts";
import { report } from "./result.ts";
import {
  demandClean,
  duration,
  generatorFor,
  isRecorded,
  observe,
  quantiles,
  startServer,
} from "./trial.ts";

const WARM_UP_MS = 10_000;
const SAMPLE_MS = 250;
const CATCH_UP_TIMEOUT_MS = 120_000;

const args = Arguments.ofProgram("dry members program quick rate seconds".split(" "));
const rate = args.number("rate", 5_000);
const members = args.number("members", 10);
const span = duration(args, 60);

await using server = await startServer(args);
const generator = generatorFor(server);
await generator.connect({ sockets: members, roomSize: members });
const slow = await generator.join();
const reading = await generator.subscribe(slow, 0);
reading.isTimed = false;
generator.openLoop(rate);
await generator.measure(WARM_UP_MS);

// The same time span without and with the slow reader, after the same warm-up.
const without = await phase();
slow.socket.pause();
const withSlow = await phase();
const behind = reading.room.seen - reading.lastSeq;
const resumedAt = performance.now();
slow.socket.resume();
while (reading.room.seen - reading.lastSeq > rate / 10) {
  if (performance.now() - resumedAt > CATCH_UP_TIMEOUT_MS) break;
  await Bun.sleep(10);
}
const catchUpSeconds = (performance.now() - resumedAt) / 1000;
const faults = demandClean(await generator.settle());
report(
  {
    name: "slow-reader",
    mode: "standalone",
    title: `One of ${members + 1} readers stops reading for ${span / 1000} s at ${rate} messages a second`,
  },
  {
    ...withSlow.observed,
    ...quantiles("", withSlow.times),
    ...quantiles("without_", without.times),
    memory_growth_mib: withSlow.highestMib - without.highestMib,
    memory_highest_mib: withSlow.highestMib,
    memory_highest_without_mib: without.highestMib,
    memory_drift_without_mib: without.driftMib,
    behind_events: behind,
    catch_up_per_s: behind / catchUpSeconds,
    lag_frames: reading.lags,
    ...faults,
  },
  isRecorded(args),
);
generator.close();

/** The highest reading counts, since a garbage-collected heap swings by more than a reader needs. */
async function phase() {
  const readings: number[] = [];
  const sampler = setInterval(() => {
    readings.push(residentBytes(server.pid).total / 2 ** 20);
  }, SAMPLE_MS);
  const observed = await observe(server, generator, span);
  clearInterval(sampler);
  const half = Math.floor(readings.length / 2);
  return {
    times: generator.ledger.deliveryTimes,
    highestMib: Math.max(...readings),
    // What the second half takes beyond the first: memory that grows without any slow reader.
    driftMib: Math.max(...readings.slice(half)) - Math.max(...readings.slice(0, half)),
    observed,
  };
}
