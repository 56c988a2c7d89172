import { Behaviour } from "./behaviour.ts";
import { checkBounds, checkEmpty, checkRest } from "./checks.ts";
import { SimClient } from "./client.ts";
import { count } from "./stats.ts";
import { fail, SimulationFailure } from "./trace.ts";
import { Weather } from "./weather.ts";
import { World } from "./world.ts";

const TENANTS = ["acme", "bolt"] as const;
const USERS = ["ana", "ben", "eve"] as const;
const REST_STEPS_MAX = 160;
const REST_STEP_MS = 250;

/** A run that broke a guarantee. */
export interface Failure {
  readonly seed: number;
  readonly check: string;
  readonly message: string;
  readonly trace: string;
}

/**
 * One run: clients and faults for some hundred steps, then calm until all has come to rest, then
 * everybody goes.
 *
 * @param traced how many of the last steps a failure shows
 * @param stop fails a run that keeps every guarantee with this message, to see its trace
 * @param outbox a cluster whose log may be away for long, with an outbox
 */
export function simulate(
  seed: number,
  traced?: number,
  stop?: string,
  outbox = false,
): Failure | undefined {
  const world = new World(seed, traced, outbox);
  try {
    run(world);
    if (stop !== undefined) fail("stop", stop);
    count("runs");
    return undefined;
  } catch (error) {
    const trace = world.trace.text();
    if (error instanceof SimulationFailure)
      return { seed, check: error.check, message: error.message, trace };
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { seed, check: "exception", message: text, trace };
  }
}

function run(world: World): void {
  const { random, profile, hosts } = world;
  const clients: SimClient[] = [];
  for (let i = 0; i < profile.clients; i++)
    clients.push(new SimClient(world, TENANTS[i % 2] as string, USERS[(i >> 1) % 3] as string));
  const behaviour = new Behaviour(world);
  const weather = new Weather(world);
  for (let step = 0; step < profile.steps; step++) {
    if (random.chance(profile.faults)) weather.act();
    else behaviour.act(random.pick(clients));
    world.pass(pause(random.next(), random.next()));
    checkBounds(world);
  }
  world.trace.add("heal");
  weather.heal();
  rest(world, () => {
    weather.keepUp();
    for (const client of clients) behaviour.settle(client);
    return clients.map((client) => client.lacks());
  });
  checkRest(world, clients);
  for (const client of clients) client.disconnect(false);
  rest(world, () =>
    hosts.map((host) =>
      host.telemetry.value("tidegate_connections") ? `${host.name} has sockets` : undefined,
    ),
  );
  checkEmpty(world);
  for (const host of hosts) host.kill();
}

/** Ms to the next step: mostly few, so that much happens at once, and now and then seconds. */
function pause(kind: number, spread: number): number {
  if (kind < 0.35) return 0;
  if (kind < 0.9) return spread * 25;
  return spread * (kind < 0.98 ? 300 : 2_500);
}

function rest(world: World, lacks: () => readonly (string | undefined)[]): void {
  for (let step = 0; step < REST_STEPS_MAX; step++) {
    world.pass(REST_STEP_MS);
    checkBounds(world);
    const isAtRest = lacks().every((one) => one === undefined);
    if (isAtRest && levels(world) === "") return;
  }
  const left =
    lacks().find((one) => one !== undefined) ?? `the store is behind the log: ${levels(world)}`;
  fail("rest", `${left}, ${(REST_STEPS_MAX * REST_STEP_MS) / 1_000} s after the last fault`);
}

/** Partitions of which not everything is published and stored. */
function levels(world: World): string {
  const { rows, messages } = world.outbox;
  if (rows + messages.length > 0)
    return `${rows} rows and ${messages.length} messages in the outbox`;
  const stored = new Map(
    world.data.offsets().map((one) => [`${one.topic}/${one.partition}`, one.nextOffset]),
  );
  return world.oracle
    .topics()
    .flatMap(({ name, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => {
        const end = world.oracle.verdicts(name, partition).length;
        const next = stored.get(`${name}/${partition}`) ?? 0;
        return next === end ? "" : `${name}/${partition} at ${next} of ${end}`;
      }),
    )
    .filter((text) => text !== "")
    .join(", ");
}
