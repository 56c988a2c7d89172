import type { PaceOptions } from "../native/pace.ts";
import type { Figures, Mode } from "../result.ts";
import { scrapesRow, tracesRow } from "./cost.ts";
import { gatewaysRow, millionRow, tenantsRow } from "./flat.ts";
import { kafkaProducer } from "./kafka-producer.ts";
import type { Load } from "./load.ts";
import { soakRow } from "./soak.ts";
import type { StageName, StageOptions } from "./stage.ts";

/** One line of the benchmarks' table. */
export type Row = {
  readonly name: string;
  readonly mode: Mode;
  readonly title: string;
  /** About how long one round of it takes, its stage left out. */
  readonly seconds: number;
  /** Run only when it is named. */
  readonly isExtra?: boolean;
  /** What a program calls it in the recorded figures, where that is not its name. */
  readonly recordedAs?: string;
} & (
  | { readonly kind: "load"; readonly stage: StageName; readonly load: Load }
  /** Starts what it needs by itself. */
  | { readonly kind: "own"; run(options: StageOptions): Promise<Figures> }
  /** A program of its own, which records itself; it is run once. */
  | { readonly kind: "program"; readonly command: readonly string[] }
);

const PAIRS = { sockets: 200, roomSize: 2 } as const;
const FEWER = { sockets: 100, roomSize: 2 } as const;
const FEWER_TITLE = "100 sockets in rooms of 2";
const PAIRS_TITLE = "200 sockets in rooms of 2";
const CROWD = { sockets: 1_000, roomSize: 1_000, sendersPerRoom: 10 } as const;
const CROWD_RATE = 520;
/** Connecting, and waiting for the last delivery. */
const SETTLE_S = 4;

const closed = (perFrame: number, window: number): PaceOptions => ({
  kind: "closed",
  perFrame,
  window,
});
const open = (rate: number, perFrame: number): PaceOptions => ({ kind: "open", rate, perFrame });

const PEERS = {
  "socketio-node": "Socket.IO 4 + Redis on Node",
  "socketio-bun": "Socket.IO 4 + Redis on Bun",
  "socketio-engine": "Socket.IO 4 + Redis on Bun, with its engine for Bun",
  "socketio-engine-two": "Socket.IO 4 + Redis on Bun, with its engine for Bun, two processes",
} as const;

const MODES: Readonly<Record<StageName, Mode>> = {
  standalone: "standalone",
  cluster: "cluster",
  "socketio-node": "peer",
  "socketio-bun": "peer",
  "socketio-engine": "peer",
  "socketio-engine-two": "peer",
  echo: "limit",
};

/**
 * In the order in which they are run and shown; rows of one stage stand together, those at a rate
 * first: a closed loop leaves work behind it, such as vacuum and what the auditor has not seen yet.
 */
export const ROWS: readonly Row[] = [
  loaded("standalone-open-10k", "standalone", {
    title: `Open loop, 10,000 a second, ${PAIRS_TITLE}, 1 a frame`,
    load: { layout: PAIRS, pace: open(10_000, 1), warmUpS: 5, seconds: 20 },
  }),
  loaded("standalone-open-50k", "standalone", {
    title: `Open loop, 50,000 a second, ${PAIRS_TITLE}, 10 a frame`,
    load: { layout: PAIRS, pace: open(50_000, 10), warmUpS: 5, seconds: 20 },
  }),
  loaded("standalone-fan-out", "standalone", {
    title: `Fan-out, one room of 1,000, ${CROWD_RATE} a second, 20 a frame`,
    load: { layout: CROWD, pace: open(CROWD_RATE, 20), warmUpS: 5, seconds: 20 },
  }),
  loaded("standalone-closed", "standalone", {
    title: `Closed loop, ${PAIRS_TITLE}, 1 a frame, 16 frames unanswered`,
    load: { layout: PAIRS, pace: closed(1, 16), warmUpS: 5, seconds: 20 },
  }),
  loaded("standalone-batched", "standalone", {
    title: `Closed loop, ${PAIRS_TITLE}, 10 a frame, 2 frames unanswered`,
    load: { layout: PAIRS, pace: closed(10, 2), warmUpS: 5, seconds: 20 },
  }),
  loaded("standalone-batched-plain", "standalone", {
    title: `Closed loop, ${FEWER_TITLE}, 40 a frame, 2 frames unanswered, ASCII`,
    load: { layout: FEWER, pace: closed(40, 2), text: "plain", warmUpS: 5, seconds: 20 },
  }),
  loaded("cluster-open-10k", "cluster", {
    title: `Open loop, 10,000 a second, ${PAIRS_TITLE}, 1 a frame`,
    load: { layout: PAIRS, pace: open(10_000, 1), warmUpS: 5, seconds: 20 },
  }),
  loaded("cluster-open-50k", "cluster", {
    title: `Open loop, 50,000 a second, ${PAIRS_TITLE}, 10 a frame`,
    load: { layout: PAIRS, pace: open(50_000, 10), warmUpS: 5, seconds: 20 },
  }),
  loaded("cluster-churn", "cluster", {
    title: `Open loop, 10,000 a second, ${PAIRS_TITLE}; 10 % of the sockets reconnect every second`,
    load: { layout: PAIRS, pace: open(10_000, 1), churn: 0.1, warmUpS: 5, seconds: 20 },
  }),
  loaded("cluster-fan-out", "cluster", {
    title: `Fan-out, one room of 1,000, ${CROWD_RATE} a second, 20 a frame`,
    load: { layout: CROWD, pace: open(CROWD_RATE, 20), warmUpS: 5, seconds: 20 },
  }),
  loaded("cluster-open-50k-plain", "cluster", {
    title: `Open loop, 50,000 a second, ${PAIRS_TITLE}, 10 a frame, ASCII`,
    load: { layout: PAIRS, pace: open(50_000, 10), text: "plain", warmUpS: 5, seconds: 20 },
  }),
  loaded("cluster-open-100k", "cluster", {
    title: `Open loop, 100,000 a second, ${FEWER_TITLE}, 40 a frame, ASCII`,
    load: { layout: FEWER, pace: open(100_000, 40), text: "plain", warmUpS: 10, seconds: 60 },
  }),
  loaded("cluster-closed", "cluster", {
    title: `Closed loop, ${PAIRS_TITLE}, 1 a frame, 16 frames unanswered`,
    load: { layout: PAIRS, pace: closed(1, 16), warmUpS: 5, seconds: 20 },
  }),
  loaded("cluster-batched", "cluster", {
    title: `Closed loop, ${PAIRS_TITLE}, 10 a frame, 2 frames unanswered`,
    load: { layout: PAIRS, pace: closed(10, 2), warmUpS: 10, seconds: 60 },
  }),
  loaded("cluster-batched-plain", "cluster", {
    title: `Closed loop, ${FEWER_TITLE}, 40 a frame, 2 frames unanswered, ASCII`,
    load: { layout: FEWER, pace: closed(40, 2), text: "plain", warmUpS: 10, seconds: 60 },
  }),
  loaded("cluster-batched-60", "cluster", {
    title: "Closed loop, 60 sockets in rooms of 2, 40 a frame, 1 frame unanswered, ASCII",
    load: {
      layout: { sockets: 60, roomSize: 2 },
      pace: closed(40, 1),
      text: "plain",
      warmUpS: 10,
      seconds: 60,
    },
  }),
  ...(["socketio-node", "socketio-bun", "socketio-engine", "socketio-engine-two"] as const).map(
    (stage) =>
      loaded(stage, stage, {
        title: `${PEERS[stage]}, closed loop, ${PAIRS_TITLE}, 1 a frame, 16 frames unanswered`,
        load: { layout: PAIRS, pace: closed(1, 16), warmUpS: 5, seconds: 20 },
      }),
  ),
  loaded("echo", "echo", {
    title: "Bun's sockets alone: each frame comes back, 200 sockets, 1 a frame, 16 unanswered",
    load: { layout: PAIRS, pace: closed(1, 16), warmUpS: 5, seconds: 15 },
  }),
  loaded("echo-batched", "echo", {
    title: "Bun's sockets alone: each frame comes back, 200 sockets, 10 a frame, 2 unanswered",
    load: { layout: PAIRS, pace: closed(10, 2), warmUpS: 5, seconds: 15 },
  }),
  own("kafka-producer", "limit", 60, "Kafka's own ProducerPerformance, acks=all", kafkaProducer),
  own(
    "cluster-tenants",
    "cluster",
    230,
    "10,000 a second in rooms of 1,000 tenants with topics of their own, against one tenant",
    (options) => tenantsRow("own", options),
  ),
  own(
    "cluster-tenants-shared",
    "cluster",
    200,
    "10,000 a second in rooms of 1,000 tenants that share topics, against one tenant",
    (options) => tenantsRow("shared", options),
  ),
  own(
    "cluster-gateways",
    "cluster",
    150,
    "10,000 a second, sockets at random over 4 gateways, against one",
    gatewaysRow,
  ),
  own(
    "cluster-million",
    "cluster",
    190,
    "Closed loop over 1,000 conversations after 1,000,000 others were touched once",
    (options) => millionRow("cluster", options),
  ),
  own(
    "standalone-million",
    "standalone",
    130,
    "Closed loop over 1,000 conversations after 1,000,000 others were touched once",
    (options) => millionRow("standalone", options),
  ),
  own(
    "standalone-traces",
    "standalone",
    180,
    "Closed loop, 10 a frame, 1 % of the messages traced, against none",
    (options) => tracesRow("standalone", options),
  ),
  own(
    "cluster-traces",
    "cluster",
    380,
    "Closed loop, 10 a frame, 1 % of the messages traced, against none",
    (options) => tracesRow("cluster", options),
  ),
  own(
    "cluster-scrapes",
    "cluster",
    180,
    "Closed loop, 10 a frame, metrics read ten times a second, against never",
    scrapesRow,
  ),
  {
    ...own(
      "cluster-soak",
      "cluster",
      1_900,
      "Half an hour at 50,000 a second, 10 a frame",
      soakRow,
    ),
    isExtra: true,
  },
  program("idle-sockets", "standalone", 60, "Idle sockets", "bench-idle.ts"),
  program("resume", "standalone", 30, "Resume", "bench-resume.ts"),
  program("slow-reader", "standalone", 160, "A reader that does not read", "bench-slow-reader.ts"),
  program("torture", "standalone", 120, "Torture", "torture.ts"),
  program(
    "cluster-tenants-1000",
    "cluster",
    90,
    "How soon 1,000 tenants are up",
    "bench-tenants.ts",
  ),
  {
    ...program("standalone-ingest", "standalone", 50, "Ingestion of events", "bench-ingest.ts"),
    recordedAs: "ingest-events-500",
  },
  {
    ...program(
      "cluster-ingest",
      "cluster",
      90,
      "Ingestion of events",
      "bench-ingest.ts",
      "--cluster",
    ),
    recordedAs: "ingest-events-500",
  },
  {
    ...program(
      "standalone-ingest-stream",
      "standalone",
      150,
      "Ingestion of one stream of 10,000,000 events",
      "bench-ingest.ts",
      "--stream=10000000",
    ),
    recordedAs: "ingest-stream-events-10000000",
  },
  {
    ...program(
      "cluster-ingest-stream",
      "cluster",
      120,
      "Ingestion of one stream of 10,000,000 events",
      "bench-ingest.ts",
      "--cluster",
      "--stream=10000000",
    ),
    recordedAs: "ingest-stream-events-10000000",
  },
];

function loaded(
  name: string,
  stage: StageName,
  { title, load }: { readonly title: string; readonly load: Load },
): Row {
  const seconds = load.warmUpS + load.seconds + SETTLE_S;
  return { kind: "load", name, mode: MODES[stage], title, seconds, stage, load };
}

function own(
  name: string,
  mode: Mode,
  seconds: number,
  title: string,
  run: (options: StageOptions) => Promise<Figures>,
): Row {
  return { kind: "own", name, mode, title, seconds, run };
}

function program(
  name: string,
  mode: Mode,
  seconds: number,
  title: string,
  ...command: readonly string[]
): Row {
  return { kind: "program", name, mode, title, seconds, command };
}
