/**
 * Open loop: messages at a fixed rate from 200 sockets in rooms of 2, and how long each takes from
 * the moment it is due to the other member's socket.
 *
 *     bun load/bench-open.ts [--quick] [--rate=10000] [--sockets=200] [--room=2]
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
const rate = args.number("rate", 10_000);
const sockets = args.number("sockets", 200);
const roomSize = args.number("room", 2);

await using server = await startServer(args);
const generator = generatorFor(server);
await generator.connect({ sockets, roomSize });
generator.openLoop(rate);
await generator.measure(WARM_UP_MS);
const figures = await observe(server, generator, duration(args, 30));
const faults = demandClean(await generator.settle());
report(
  {
    name: `open-loop-${rate}`,
    mode: "standalone",
    title: `Open loop, ${rate} messages a second, ${sockets} sockets in rooms of ${roomSize}`,
  },
  { ...figures, ...times(generator), ...faults },
  isRecorded(args),
);
generator.close();
