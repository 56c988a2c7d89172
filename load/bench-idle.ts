/**
 * Idle sockets, one subscription each: resident memory of the server before and after.
 *
 *     bun load/bench-idle.ts [--quick] [--sockets=18000]
 */
import { Arguments } from "./arguments.ts";
import { cpuShare, cpuTimes, residentBytes } from "./process-usage.ts";
import { report } from "./result.ts";
import { generatorFor, isRecorded, startServer } from "./trial.ts";

/** Sockets before the first reading, so that code and pools that any socket needs are there. */
const WARM_UP_SOCKETS = 200;
const REST_MS = 10_000;
const IDLE_MS = 20_000;

const args = Arguments.ofProgram("dry program quick sockets".split(" "));
const sockets = args.number("sockets", args.has("quick") ? 2_000 : 18_000);

await using server = await startServer(args);
const generator = generatorFor(server);
await generator.connect({ sockets: WARM_UP_SOCKETS, roomSize: 2 });
await Bun.sleep(REST_MS);
const before = residentBytes(server.pid);
const startedAt = performance.now();
await generator.connect({ sockets, roomSize: 2 });
const seconds = (performance.now() - startedAt) / 1000;
await Bun.sleep(REST_MS);
const after = residentBytes(server.pid);
const cpuBefore = cpuTimes(server.pid);
await Bun.sleep(args.has("quick") ? REST_MS : IDLE_MS);
const share = cpuShare(cpuBefore, cpuTimes(server.pid));
const closed = generator.members.filter((member) => member.closedWith !== undefined).length;
report(
  {
    name: "idle-sockets",
    mode: "standalone",
    title: `${sockets} idle sockets, one subscription each`,
  },
  {
    sockets,
    bytes_per_socket: (after.total - before.total) / sockets,
    anonymous_bytes_per_socket: (after.anonymous - before.anonymous) / sockets,
    resident_mib: after.total / 2 ** 20,
    connects_per_s: sockets / seconds,
    server_cpu_percent: share.total,
    closed,
    lost: closed,
    duplicate: 0,
    reordered: 0,
  },
  isRecorded(args),
);
if (closed > 0) process.exitCode = 1;
generator.close();
