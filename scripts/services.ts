/**
 * Kafka, Redis and Postgres by hand, for development and measurements: `bun run services up`,
 * `down` or `status`. `up` takes `--shape secure|cluster` for Kafka with passwords or with three
 * brokers, and `--heap 1g` for a broker that is to be measured. Prints the settings that lead there,
 * a line each, so that `source <(bun run --silent services status)` sets them.
 */
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { heldServicesSchema, holdServices, whenGone } from "./services/hold.ts";
import type { HeldServices } from "./services/hold.ts";

const stateFile = join(dirname(import.meta.dir), "node_modules/.cache/tidegate/services.json");
const [command, ...rest] = process.argv.slice(2);

switch (command) {
  case "up":
    await up();
    break;
  case "down":
    await down();
    break;
  case "status":
    await status();
    break;
  default:
    fail("use: bun run services up [--shape secure|cluster] [--heap 1g] | down | status");
}
process.exit(0);

async function up(): Promise<void> {
  const running = await answering();
  if (running !== undefined) {
    if (rest.length > 0) fail("they are up already; bun run services down comes first");
    print(running);
    return;
  }
  const held = await holdServices([...rest, "--socket"], "detached");
  if (held instanceof Error) fail(held.message);
  await mkdir(dirname(stateFile), { recursive: true });
  await Bun.write(stateFile, JSON.stringify(held.services));
  print(held.services);
}

async function down(): Promise<void> {
  const running = await answering();
  if (running === undefined) {
    process.stderr.write("services: none are up\n");
    return;
  }
  const socket = await Bun.connect({
    unix: join(running.folder, "control"),
    socket: { data() {} },
  });
  socket.write("down\n");
  socket.flush();
  if (!(await whenGone(running.folder))) fail(`${running.folder} is still there`);
  await rm(stateFile, { force: true });
}

async function status(): Promise<void> {
  const running = await answering();
  if (running === undefined) fail("none are up; bun run services up starts them");
  print(running);
}

/** What was started and still answers; a state file alone may be older than the last restart. */
async function answering(): Promise<HeldServices | undefined> {
  if (!existsSync(stateFile)) return undefined;
  try {
    const services = heldServicesSchema.parse(await Bun.file(stateFile).json());
    const unix = join(services.folder, "control");
    const socket = await Bun.connect({ unix, socket: { data() {} } });
    socket.end();
    return services;
  } catch {
    return undefined;
  }
}

function print({ settings }: HeldServices): void {
  for (const [name, value] of Object.entries(settings)) {
    process.stdout.write(`export ${name}='${value}'\n`);
  }
}

function fail(message: string): never {
  process.stderr.write(`services: ${message}\n`);
  process.exit(1);
}
