/**
 * Ingestion: bodies of 500 lines of 200 bytes over HTTP, as fast as they are answered.
 *
 *     bun load/bench-ingest.ts [--quick] [--cluster] [--chat] [--clients=8] [--lines=500] [--bytes=200]
 *         [--partitions=4]
 *     bun load/bench-ingest.ts --stream=10000000 [--cluster]
 *
 * With `--stream` one request of so many lines, and the memory of the server or gateway meanwhile.
 */
import { randomBytes } from "node:crypto";
import type { IngestReply } from "../src/wire/http.ts";
import { Arguments } from "./arguments.ts";
import { Cluster } from "./cluster/cluster.ts";
import { clusterUsage, type Usage } from "./cluster/usage.ts";
import { chatBodies, eventBodies, type BodySource } from "./ingest/body.ts";
import { MemoryWatch } from "./ingest/memory.ts";
import { ingestReplyOf } from "./ingest/reply.ts";
import { streamLines } from "./ingest/stream.ts";
import { Histogram } from "./native/histogram.ts";
import type { Address } from "./native/socket.ts";
import { Bystanders, cpuShare, cpuTimes, residentBytes } from "./process-usage.ts";
import { report, type Figures } from "./result.ts";
import { duration, isRecorded, quantiles, startServer } from "./trial.ts";

const ROOMS = 200;
const WARM_UP_MS = 15_000;
const USER = "ingest";

const args = Arguments.ofProgram(
  "bytes chat clients cluster dry lines partitions program quick seconds stream".split(" "),
);
const isCluster = args.has("cluster");
const isChat = args.has("chat");
const mode = isCluster ? "cluster" : "standalone";
const lines = args.number("lines", 500);
const bytes = args.number("bytes", 200);
const clients = args.number("clients", 8);
const what = isChat ? "messages" : "events";

/** What is measured: where to post, as whom, and what the server's processes use. */
interface Target {
  readonly address: Address;
  readonly token: string;
  readonly pid: number;
}

if (isCluster) {
  const partitions = args.number("partitions", 4);
  await using cluster = await Cluster.start({
    gateways: 1,
    consumers: 1,
    brokers: 1,
    partitions,
    log: (line) => void process.stderr.write(`${line}\n`),
  });
  const [gateway] = cluster.gateways;
  if (gateway === undefined) throw new Error("no gateway is up");
  const token = await cluster.key.token(USER);
  await run({ address: gateway.address, token, pid: gateway.pid });
} else {
  await using server = await startServer(args);
  await run({ address: server.address, token: await server.key.token(USER), pid: server.pid });
}

async function run(target: Target): Promise<void> {
  const linesMax = args.number("stream", 0);
  if (linesMax > 0) await stream(target, linesMax);
  else await closedLoop(target);
}

function bodies(): BodySource {
  const run = randomBytes(12).toString("hex");
  return isChat ? chatBodies(lines, bytes, ROOMS, run) : eventBodies(lines, bytes);
}

async function closedLoop(target: Target): Promise<void> {
  const source = bodies();
  let times = new Histogram();
  let accepted = 0;
  /** For no fault of their own, as while the log has too much to do. */
  let refused = 0;
  let isOver = false;
  const client = async (): Promise<void> => {
    while (!isOver) {
      const startedAt = performance.now();
      const reply = await post(target, source.next());
      times.record(performance.now() - startedAt);
      accepted += reply.accepted;
      refused += lines - reply.accepted;
      if (reply.accepted < lines && reply.stopped?.retriable !== true)
        throw new Error(`not all was taken: ${JSON.stringify(reply).slice(0, 500)}`);
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  const measured = async (): Promise<void> => {
    await Bun.sleep(args.has("quick") ? WARM_UP_MS / 3 : WARM_UP_MS);
    times = new Histogram();
    accepted = 0;
    refused = 0;
    const meter = startMeter(target);
    await Bun.sleep(duration(args, 20));
    const metered = meter(accepted);
    isOver = true;
    report(
      {
        name: `ingest-${what}-${lines}`,
        mode,
        title: `Ingestion, ${lines} ${what} of ${bytes} bytes a request, ${clients} clients`,
      },
      {
        ...metered,
        refused,
        ...quantiles("request_", times),
        server_mib: residentBytes(target.pid).total / 2 ** 20,
      },
      isRecorded(args),
    );
  };
  await Promise.race([measured(), all.then(() => measured)]);
  isOver = true;
  await all;
}

async function post({ address, token }: Target, body: Uint8Array): Promise<IngestReply> {
  const response = await fetch(`http://${address.hostname}:${address.port}/v1/events`, {
    method: "POST",
    body: body as Uint8Array<ArrayBuffer>,
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/x-ndjson" },
  });
  return ingestReplyOf(await response.text());
}

async function stream(target: Target, linesMax: number): Promise<void> {
  const source = bodies();
  await post(target, source.next());
  using memory = new MemoryWatch(target.pid);
  const meter = startMeter(target);
  const text = await streamLines(target.address, target.token, source, linesMax);
  const reply = ingestReplyOf(text);
  const metered = meter(reply.accepted);
  if (reply.accepted !== reply.lines || !reply.complete) process.exitCode = 1;
  report(
    {
      name: `ingest-stream-${what}-${linesMax}`,
      mode,
      title: `Ingestion, one stream of ${linesMax.toLocaleString("en-US")} ${what} of ${bytes} bytes`,
    },
    {
      ...metered,
      refused: linesMax - reply.accepted,
      ...memory.figures(linesMax),
    },
    isRecorded(args),
  );
}

/** @returns what everything used since now, for so many events */
function startMeter(target: Target): (events: number) => Figures {
  const before = usage(target);
  const threadsBefore = cpuTimes(target.pid);
  const bystanders = new Bystanders(isCluster ? [] : [target.pid, process.pid]);
  return (events) => {
    const after = usage(target);
    const machinePercent = bystanders.percent();
    const seconds = (after.at - before.at) / 1000;
    const micros = microsByKind(before, after, events);
    const known = isCluster
      ? (Object.values(micros).reduce((sum, one) => sum + one, 0) * events) / seconds / 1e4
      : 0;
    return {
      acked_per_s: events / seconds,
      seconds,
      us_per_event: micros,
      server_threads_percent: cpuShare(threadsBefore, cpuTimes(target.pid)).threads,
      others_cpu_percent: Math.max(0, machinePercent - known),
    };
  };
}

function usage({ pid }: Target): Usage {
  if (isCluster) return clusterUsage();
  const server = cpuTimes(pid);
  const seconds = new Map([
    ["server", server.total],
    ["generator", cpuTimes(process.pid).total],
  ]);
  return { seconds, at: server.at };
}

function microsByKind(before: Usage, after: Usage, events: number): Record<string, number> {
  return Object.fromEntries(
    [...after.seconds].map(([kind, used]) => {
      const micros = ((used - (before.seconds.get(kind) ?? 0)) * 1e6) / Math.max(1, events);
      return [kind, Math.round(micros * 100) / 100];
    }),
  );
}
