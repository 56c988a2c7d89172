import { createMemoryTelemetry } from "../src/adapters/memory/telemetry.ts";
import { createRedisBackplane, type RedisBackplane } from "../src/adapters/redis/backplane.ts";
import { createSystemClock } from "../src/adapters/system/clock.ts";
import { createSystemRandom } from "../src/adapters/system/random.ts";
import { limitsWith } from "../src/limits.ts";
import type { PublishedRun } from "../src/ports/backplane.ts";

/**
 * What a mapping of conversations to channels costs. A worker's folds go through Redis to gateways in
 * processes of their own; each gateway reads some of the conversations. Printed: messages a second
 * as paced, CPU µs a message of the publishing process, of Redis and of each gateway.
 *
 *     REDIS_URL=redis://… bun load/bench-backplane.ts [lanes …]
 */

const TOPIC = "bench.backplane";
const PARTITIONS = 8;
const RATE = 40_000;
const FOLD_MS = 10;
const SECONDS = 4;
/** Until the code is compiled. */
const WARM_UP_SECONDS = 2;
/** A pushed event as it is in the log; one word outside Latin-1, as in most chats. */
const EVENT = `{"id":"0190c0de-0000-7000-8000-000000000000","key":"0190c0de-0000-7000-8000-000000000001","type":"message.sent","sender":"ana","timestamp":1795254378085,"content":{"text":"${"Hello from the tower ".repeat(4)}東京"}}`;

interface Scene {
  readonly name: string;
  /** Conversations that somebody writes in. */
  readonly hot: number;
  readonly gateways: number;
  /** Hot conversations each gateway reads. */
  readonly read: number;
  /** Further ones each gateway reads, in which nothing happens. */
  readonly idle: number;
}

const SCENES: readonly Scene[] = [
  { name: "1 gateway reads all of 200", hot: 200, gateways: 1, read: 200, idle: 0 },
  { name: "4 gateways read 50 each of 200", hot: 200, gateways: 4, read: 50, idle: 0 },
  { name: "4 gateways read 50 each of 2,000", hot: 2_000, gateways: 4, read: 50, idle: 0 },
  { name: "4 gateways read 500 each of 2,000", hot: 2_000, gateways: 4, read: 500, idle: 0 },
  { name: "1 gateway, 200 hot + 10,000 idle", hot: 200, gateways: 1, read: 200, idle: 10_000 },
];

const url = process.env["REDIS_URL"];
if (url === undefined) throw new Error("REDIS_URL is not set");

function open(lanes: number, prefix: string, telemetry = createMemoryTelemetry()) {
  return createRedisBackplane({
    url: url as string,
    prefix,
    lanes,
    clock: createSystemClock(),
    random: createSystemRandom(),
    limits: limitsWith(),
    telemetry,
  });
}

const name = (index: number): string => `room-${index}`;
const partitionOf = (index: number): number => index % PARTITIONS;

async function read(): Promise<void> {
  const [lanes, prefix, from, count, idle] = process.argv.slice(3) as [string, string, ...string[]];
  const backplane = open(Number(lanes), prefix);
  await backplane.opened();
  const heard = { events: 0, publications: 0, interrupted: 0 };
  const member = backplane.attach({
    publication({ runs }) {
      heard.publications++;
      for (const run of runs) heard.events += run.events.length;
    },
    beat: () => {},
    refusal: () => {},
    interrupted: () => void heard.interrupted++,
  });
  const started = performance.now();
  const indexes = [
    ...Array.from({ length: Number(count) }, (_, i) => Number(from) + i),
    ...Array.from({ length: Number(idle) }, (_, i) => 1_000_000 + i),
  ];
  await Promise.all(indexes.map((i) => member.join("acme", name(i), TOPIC, partitionOf(i))));
  const joinMs = performance.now() - started;
  let before = process.cpuUsage();
  process.on("message", (message) => {
    if (message === "begin") {
      before = process.cpuUsage();
      heard.events = 0;
      process.send?.({ joinMs });
      return;
    }
    void finish();
  });
  /** Reports once nothing more comes. */
  const finish = async (): Promise<void> => {
    let known = -1;
    while (heard.events > known) {
      known = heard.events;
      await Bun.sleep(300);
    }
    const { user, system } = process.cpuUsage(before);
    process.send?.({ ...heard, cpu: user + system });
    await backplane.close();
    process.disconnect?.();
  };
  process.send?.({ joinMs });
}

interface Report {
  readonly events: number;
  readonly interrupted: number;
  readonly cpu: number;
  readonly joinMs: number;
}

async function measure(scene: Scene, lanes: number): Promise<void> {
  const prefix = `bench-${crypto.randomUUID().slice(0, 8)}`;
  const gateways = Array.from({ length: scene.gateways }, (_, i) => {
    const answers: ((report: Report) => void)[] = [];
    const child = Bun.spawn(
      [
        process.execPath,
        import.meta.path,
        "read",
        String(lanes),
        prefix,
        String(i * scene.read),
        String(scene.read),
        String(scene.idle),
      ],
      {
        ipc: (message: Report) => answers.shift()?.(message),
        stdout: "inherit",
        stderr: "inherit",
      },
    );
    const answer = () => new Promise<Report>((resolve) => answers.push(resolve));
    return { child, answer, joined: answer() };
  });
  const joins = await Promise.all(gateways.map((gateway) => gateway.joined));
  const telemetry = createMemoryTelemetry();
  const backplane = open(lanes, prefix, telemetry);
  await backplane.opened();
  const say = (what: string) =>
    Promise.all(
      gateways.map(({ child, answer }) => {
        const report = answer();
        child.send(what);
        return report;
      }),
    );
  const worker = new BenchWorker(backplane, scene.hot);
  await worker.publish(WARM_UP_SECONDS);
  await say("begin");
  const redisBefore = await redisCpu();
  const before = process.cpuUsage();
  const { sent, publications, seconds } = await worker.publish(SECONDS);
  const { user, system } = process.cpuUsage(before);
  const redisUsed = (await redisCpu()) - redisBefore;
  const reports = await say("end");
  const cpu = reports.reduce((sum, report) => sum + report.cpu, 0);
  const events = reports.reduce((sum, report) => sum + report.events, 0);
  const interrupted = reports.reduce((sum, report) => sum + report.interrupted, 0);
  const dropped = ["away", "full", "refused"].reduce(
    (sum, reason) => sum + (telemetry.value("tidegate_backplane_dropped_total", { reason }) ?? 0),
    0,
  );
  const us = (value: number, per: number) => (value / per).toFixed(2).padStart(6);
  process.stdout.write(
    `${scene.name.padEnd(36)} ${String(lanes).padStart(5)} lanes: ${(sent / seconds).toFixed(0)} msg/s in ${(publications / seconds).toFixed(0)} folds/s, ` +
      `read ${(events / seconds).toFixed(0)}/s; µs a message: worker ${us(user + system, sent)}, Redis ${us(redisUsed * 1e6, sent)}, ` +
      `each gateway ${us(cpu / scene.gateways, sent)}; joined in ${Math.max(...joins.map((join) => join.joinMs)).toFixed(0)} ms` +
      `${interrupted > 0 ? ` INTERRUPTED ${interrupted}` : ""}${dropped > 0 ? ` DROPPED ${dropped}` : ""}\n`,
  );
  await backplane.close();
  await Promise.all(gateways.map(({ child }) => child.exited));
}

/** Folds as a worker with this many partitions does: each of them once in FOLD_MS, at a fixed rate. */
class BenchWorker {
  readonly #backplane: RedisBackplane;
  readonly #hot: number;
  readonly #seqs = new Map<string, number>();
  #next = 0;
  #number = 0;

  constructor(backplane: RedisBackplane, hot: number) {
    this.#backplane = backplane;
    this.#hot = hot;
  }

  async publish(forSeconds: number) {
    const perFold = Math.round((RATE * FOLD_MS) / 1_000 / PARTITIONS);
    const started = performance.now();
    const end = started + forSeconds * 1_000;
    const before = this.#number;
    for (let due = started; due < end; due += FOLD_MS) {
      const wait = due - performance.now();
      // Also when it is late: answers have to be read.
      await Bun.sleep(Math.max(0, wait));
      for (let partition = 0; partition < PARTITIONS; partition++) this.#fold(partition, perFold);
    }
    const publications = this.#number - before;
    const seconds = (performance.now() - started) / 1_000;
    return { sent: publications * perFold, publications, seconds };
  }

  #fold(partition: number, events: number): void {
    const texts = new Map<string, { offsets: number[]; events: string[] }>();
    for (let i = 0; i < events; i++) {
      const conversation = name(((this.#next++ * PARTITIONS) % this.#hot) + partition);
      let run = texts.get(conversation);
      if (run === undefined) texts.set(conversation, (run = { offsets: [], events: [] }));
      run.offsets.push(this.#next);
      run.events.push(EVENT.replace("00000001", String(this.#next).padStart(8, "0")));
    }
    const runs = [...texts].map(([conversation, run]): PublishedRun => {
      const firstSeq = (this.#seqs.get(conversation) ?? 0) + 1;
      this.#seqs.set(conversation, firstSeq + run.events.length - 1);
      return { tenant: "acme", conversation, epoch: "e1", firstSeq, ...run };
    });
    const number = ++this.#number;
    this.#backplane.publish({ topic: TOPIC, partition, ownerEpoch: 1, number, runs });
  }
}

async function redisCpu(): Promise<number> {
  const { Redis } = await import("ioredis");
  const client = new Redis(url as string);
  const info = await client.info("cpu");
  client.disconnect();
  const field = (key: string) => Number(new RegExp(`${key}:([0-9.]+)`).exec(info)?.[1] ?? 0);
  return field("used_cpu_user") + field("used_cpu_sys");
}

if (process.argv[2] === "read") await read();
else {
  const lanes = process.argv.slice(2).map(Number);
  for (const scene of SCENES)
    for (const count of lanes.length > 0 ? lanes : [1, 4, 16, 64, 4_096])
      await measure(scene, count);
}
