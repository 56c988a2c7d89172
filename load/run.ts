/**
 * One load of any kind on fresh servers, for trying things out: prints its figures, records nothing.
 * `bun run bench` runs the loads that are compared and kept.
 *
 *     bun run load:run standalone|cluster|socketio-node|socketio-bun|socketio-engine|echo|…
 *         [--window=16 | --rate=10000] [--per-frame=1] [--sockets=200] [--room=2] [--rooms=1]
 *         [--senders=2] [--churn=0.1] [--processes=1] [--warm-up=5] [--seconds=20] [--quick]
 *         [--text=plain] [--set=NAME=value,…]
 *
 * For example: bun run load:run cluster --rate=50000 --per-frame=10
 *
 * LOAD_SERVER_FLAGS and LOAD_GENERATOR_FLAGS are flags of the runtime, such as `--cpu-prof`.
 */
import { Arguments } from "./arguments.ts";
import { faultCount, runLoad } from "./bench/load.ts";
import { openStage, type StageName, STAGES } from "./bench/stage.ts";
import type { PaceOptions } from "./native/pace.ts";

const args = Arguments.ofProgram(
  "churn per-frame processes quick rate room rooms seconds senders set sockets text warm-up window".split(
    " ",
  ),
);
const [name] = args.names;
if (!isStage(name)) {
  process.stderr.write(`name one of ${STAGES.join(" ")}; --help says how\n`);
  process.exit(2);
}
const optional = (key: string): number | undefined =>
  args.has(key) ? args.number(key, 0) : undefined;
const perFrame = args.number("per-frame", 1);
const rate = optional("rate");
const pace: PaceOptions =
  rate === undefined
    ? { kind: "closed", window: args.number("window", 16), perFrame }
    : { kind: "open", rate, perFrame };
const senders = optional("senders");
const churn = optional("churn");
const isQuick = args.has("quick");
const say = (line: string): void => void process.stderr.write(`${line}\n`);

await using stage = await openStage(name, { isQuick, say, settings: args.pairs("set") });
const figures = await runLoad(
  stage.target,
  {
    layout: {
      sockets: args.number("sockets", 200),
      roomSize: args.number("room", 2),
      roomsPerSocket: args.number("rooms", 1),
      ...(senders === undefined ? {} : { sendersPerRoom: senders }),
    },
    pace,
    text: args.text("text") === "plain" ? "plain" : "mixed",
    processes: args.number("processes", 1),
    warmUpS: args.number("warm-up", 5),
    seconds: args.number("seconds", 20),
    ...(churn === undefined ? {} : { churn }),
  },
  { isQuick },
);
process.stdout.write(`${JSON.stringify(figures, undefined, 2)}\n`);
if (faultCount(figures) > 0) process.exitCode = 1;

function isStage(text: string | undefined): text is StageName {
  return STAGES.some((stage) => stage === text);
}
