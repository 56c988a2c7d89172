/**
 * Closed loop: 200 sockets in rooms of 2, each with so many frames unanswered, as fast as it goes.
 *
 *     bun load/bench-closed.ts [--quick] [--per-frame=10] [--window=8] [--sockets=200] [--room=2]
 */
import { Arguments } from "./arguments.ts";
import { report } from "./result.ts";
import {
  demandClean,
  duration,
  generatorFor,
  isRecorded,
  observe,
  startServer,
  times,
} from "./trial.ts";

/** The compilers of the server and of the generator are busy for about so long. */
const WARM_UP_MS = 15_000;

const args = new Arguments();
const perFrame = args.number("per-frame", 1);
const window = args.number("window", 8);
const sockets = args.number("sockets", 200);
const roomSize = args.number("room", 2);

await using server = await startServer(args);
const generator = generatorFor(server);
await generator.connect({ sockets, roomSize });
generator.closedLoop(window, perFrame);
await generator.measure(args.has("quick") ? WARM_UP_MS / 3 : WARM_UP_MS);
const figures = await observe(server, generator, duration(args, 20));
const faults = demandClean(await generator.settle());
report(
  {
    name: `closed-loop-${perFrame}x${window}`,
    mode: "standalone",
    title: `Closed loop, ${sockets} sockets in rooms of ${roomSize}, ${perFrame} a frame, ${window} frames unanswered`,
  },
  {
    ...figures,
    ...times(generator),
    ...faults,
    sent: generator.ledger.sent,
    durability: durability(),
  },
  isRecorded(args),
);
generator.close();

function durability(): string {
  return [...generator.ledger.durabilities.keys()].join(" ");
}
