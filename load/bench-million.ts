/**
 * The throughput of 1,000 hot conversations on a fresh server, and on one where a million others
 * were touched once each before.
 *
 *     bun load/bench-million.ts [--quick] [--conversations=1000000] [--hot=1000]
 */
import { Arguments } from "./arguments.ts";
import type { Generator } from "./native/generator.ts";
import type { TidegateMember } from "./native/tidegate.ts";
import { residentBytes } from "./process-usage.ts";
import { report } from "./result.ts";
import type { ServerProcess } from "./server.ts";
import {
  demandClean,
  duration,
  generatorFor,
  isRecorded,
  observe,
  startServer,
  times,
} from "./trial.ts";

const SOCKETS = 200;
const ROOM_SIZE = 2;
const WINDOW = 8;
const TOUCH_PER_FRAME = 20;
const TOUCH_WINDOW = 4;
const WARM_UP_MS = 5_000;
const SAMPLES = 1_000;
const PLACED_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

const args = new Arguments();
const conversations = args.number("conversations", args.has("quick") ? 100_000 : 1_000_000);
const roomsPerSocket = args.number("hot", 1_000) / (SOCKETS / ROOM_SIZE);
const span = duration(args, 20);

const plain = await (async () => {
  await using server = await startServer(args);
  return await hot(server);
})();

await using server = await startServer(args);
const memoryBefore = residentBytes(server.pid).total;
const startedAt = performance.now();
const untouched = await touch(server);
const touchSeconds = (performance.now() - startedAt) / 1000;
const memoryTouched = residentBytes(server.pid).total;
const after = await hot(server);
report(
  {
    name: "million-conversations",
    mode: "standalone",
    title: `${roomsPerSocket * (SOCKETS / ROOM_SIZE)} hot conversations after ${conversations} were touched once`,
  },
  {
    ...after.figures,
    lost: after.faults.lost + untouched,
    duplicate: after.faults.duplicate,
    reordered: after.faults.reordered,
    altered: after.faults.altered,
    refused: after.faults.refused,
    acked_per_s_without: plain.figures.acked_per_s,
    ratio: Number(after.figures.acked_per_s) / Number(plain.figures.acked_per_s),
    touched_per_s: conversations / touchSeconds,
    memory_before_mib: memoryBefore / 2 ** 20,
    memory_touched_mib: memoryTouched / 2 ** 20,
    memory_after_mib: residentBytes(server.pid).total / 2 ** 20,
    memory_without_mib: plain.memoryMib,
  },
  isRecorded(args),
);
if (untouched > 0) process.exitCode = 1;

async function hot(on: ServerProcess) {
  const generator = generatorFor(on);
  await generator.connect({ sockets: SOCKETS, roomSize: ROOM_SIZE, roomsPerSocket });
  generator.closedLoop(WINDOW, 1);
  await generator.measure(Math.min(WARM_UP_MS, span));
  const observed = await observe(on, generator, span);
  const faults = demandClean(await generator.settle());
  const figures = { ...observed, ...times(generator) };
  generator.close();
  return { figures, faults, memoryMib: residentBytes(on.pid).total / 2 ** 20 };
}

/** @returns how many of a sample of the conversations never hold their one message */
async function touch(on: ServerProcess): Promise<number> {
  const generator = generatorFor(on);
  await generator.connect({ sockets: SOCKETS, roomSize: ROOM_SIZE });
  // Every member writes to conversations of its own, above those that are read.
  const share = conversations / SOCKETS;
  for (const member of generator.members) {
    const first = SOCKETS + member.number * share;
    member.targets = Array.from({ length: share }, (_, i) => first + i);
  }
  const loop = generator.closedLoop(TOUCH_WINDOW, TOUCH_PER_FRAME, share / TOUCH_PER_FRAME);
  while (loop.isRunning || generator.ledger.unanswered > 0) await Bun.sleep(10);
  const missing = await unplaced(generator, share);
  generator.close();
  return missing;
}

async function unplaced(generator: Generator<TidegateMember>, share: number): Promise<number> {
  let missing = 0;
  const deadline = performance.now() + PLACED_TIMEOUT_MS;
  for (let i = 0; i < SAMPLES; i++) {
    const member = generator.members[i % SOCKETS];
    if (!member) continue;
    const target = SOCKETS + member.number * share + ((i * 7_919) % share);
    const conversation = generator.names.room(target);
    for (;;) {
      const { head } = await member.command("history", { conversation, limit: 1 });
      if (head === 1) break;
      // A receipt says that the log has it; its place may take a moment longer.
      if (performance.now() < deadline) await Bun.sleep(POLL_MS);
      else {
        missing++;
        break;
      }
    }
  }
  return missing;
}
