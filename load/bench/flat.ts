import type { Cluster } from "../cluster/cluster.ts";
import { Generator } from "../native/generator.ts";
import { RunNames } from "../native/key.ts";
import type { PaceOptions } from "../native/pace.ts";
import { TidegateProtocol } from "../native/tidegate.ts";
import type { Figures } from "../result.ts";
import { RunKey } from "../token.ts";
import { type Load, runLoad } from "./load.ts";
import { addTenants, openStage, type Stage, type StageOptions } from "./stage.ts";

const RATE = 10_000;
const TENANTS = 1_000;
const QUICK_TENANTS = 50;
const GATEWAYS = 4;
const CONVERSATIONS = 1_000_000;
const QUICK_CONVERSATIONS = 40_000;
const TOUCH = { sockets: 200, perFrame: 20, window: 4 };
const POLL_MS = 20;
const SETTLE_TIMEOUT_MS = 120_000;

const atRate = (sockets: number): Load => ({
  layout: { sockets, roomSize: 2 },
  pace: { kind: "open", rate: RATE, perFrame: 1 },
  warmUpS: 10,
  seconds: 20,
});

/** A thousand topics that are all new get their first records at this rate. */
const FIRST_RATE = 1_000;
/** So long are compilers and caches busy with what comes in other sizes from then on. */
const TENANTS_WARM_UP_S = 40;

/**
 * The same load of 10,000 messages a second in one tenant's rooms, then in a thousand tenants': each
 * with a topic of its own, or all of them in those that small tenants share.
 */
export async function tenantsRow(
  placement: "own" | "shared",
  options: StageOptions,
): Promise<Figures> {
  await using stage = await openStage("cluster", options);
  const count = options.isQuick ? QUICK_TENANTS : TENANTS;
  const load = atRate(2 * count);
  const one = await runLoad(stage.target, load, options);
  const tenants = await addTenants(clusterOf(stage), count, placement);
  const layout = { ...load.layout, tenants };
  const many = { ...load, layout, warmUpS: TENANTS_WARM_UP_S };
  await untilServed(stage, tenants);
  if (placement === "own") {
    const pace: PaceOptions = { kind: "open", rate: FIRST_RATE, perFrame: 1 };
    await runLoad(stage.target, { ...many, pace, warmUpS: 10, seconds: 10 }, options);
  }
  const figures = await runLoad(stage.target, many, options);
  return { ...figures, ...versus(one, figures, "one_tenant"), tenants: count };
}

/** The same load through one gateway, then with the sockets at random over four. */
export async function gatewaysRow(options: StageOptions): Promise<Figures> {
  await using stage = await openStage("cluster", options);
  const load = atRate(400);
  const one = await runLoad(stage.target, load, options);
  const cluster = clusterOf(stage);
  for (let i = 1; i < GATEWAYS; i++) await cluster.startGateway(i);
  const figures = await runLoad(
    stage.target,
    // Three of the four are cold.
    { ...load, warmUpS: 20 },
    options,
  );
  return { ...figures, ...versus(one, figures, "one_gateway"), gateways: GATEWAYS };
}

/** Closed loop over 1,000 conversations, before and after a million others were touched once each. */
export async function millionRow(
  name: "standalone" | "cluster",
  options: StageOptions,
): Promise<Figures> {
  await using stage = await openStage(name, options);
  const load: Load = {
    layout: { sockets: 200, roomSize: 2, roomsPerSocket: 10 },
    pace: { kind: "closed", window: 8, perFrame: 1 },
    warmUpS: 10,
    seconds: 20,
  };
  const before = await runLoad(stage.target, load, options);
  const count = options.isQuick ? QUICK_CONVERSATIONS : CONVERSATIONS;
  const startedAt = performance.now();
  const touched = await touch(stage, count);
  const seconds = (performance.now() - startedAt) / 1000;
  const figures = await runLoad(stage.target, load, options);
  return {
    ...figures,
    lost: Number(figures.lost) + touched.lost,
    refused: Number(figures["refused"]) + touched.refused,
    acked_per_s_before: before.acked_per_s,
    ratio: Number(figures.acked_per_s) / Number(before.acked_per_s),
    conversations: count,
    touched_per_s: count / seconds,
  };
}

/** One message into each of `count` conversations that nobody reads. */
async function touch({ target }: Stage, count: number): Promise<{ lost: number; refused: number }> {
  const names = new RunNames();
  const key = new RunKey(target.key);
  const generator = new Generator(
    { addresses: target.addresses, names, token: (user, tenant) => key.token(user, tenant) },
    new TidegateProtocol(names),
  );
  await generator.connect({ sockets: TOUCH.sockets, roomSize: 2 });
  const share = count / TOUCH.sockets;
  for (const [index, member] of generator.members.entries()) {
    const first = TOUCH.sockets + index * share;
    member.targets = Array.from({ length: share }, (_, i) => first + i);
  }
  const loop = generator.closedLoop(TOUCH.window, TOUCH.perFrame, share / TOUCH.perFrame);
  while (loop.isRunning || generator.ledger.unanswered > 0) await Bun.sleep(POLL_MS);
  const { acked, faults } = generator.ledger;
  let lost = 0;
  // Of a sample: has it been placed, once?
  for (let i = 0; i < 500; i++) {
    const index = i % TOUCH.sockets;
    const room = TOUCH.sockets + index * share + ((i * 7_919) % share);
    if (!(await hasOne(generator, index, room))) lost++;
  }
  generator.close();
  return { lost: lost + count - acked - faults.refused, refused: faults.refused };
}

async function hasOne(generator: Generator, index: number, room: number): Promise<boolean> {
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const head = await generator.members[index]?.head(generator.names.room(room));
    if (head === 1) return true;
    if (head !== 0) return false;
    // A receipt says that the log has it; its place may take a moment longer.
    await Bun.sleep(POLL_MS);
  }
  return false;
}

/** A gateway hears of a new tenant within seconds, and refuses its users until then. */
async function untilServed({ target }: Stage, tenants: readonly string[]): Promise<void> {
  const key = new RunKey(target.key);
  const last = tenants.at(-1);
  const deadline = performance.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const names = new RunNames();
    const generator = new Generator(
      { addresses: target.addresses, names, token: (user, tenant) => key.token(user, tenant) },
      new TidegateProtocol(names),
    );
    try {
      await generator.join(last);
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await Bun.sleep(10 * POLL_MS);
    } finally {
      generator.close();
    }
  }
}

function versus(one: Figures, many: Figures, name: string): Figures {
  return {
    [`p50_ms_${name}`]: one.p50_ms,
    [`p99_ms_${name}`]: one.p99_ms,
    [`cpu_us_per_message_${name}`]: one["cpu_us_per_message"],
    ratio: Number(many.p99_ms) / Number(one.p99_ms),
    cpu_ratio: Number(many["cpu_us_per_message"]) / Number(one["cpu_us_per_message"]),
  };
}

function clusterOf({ cluster }: Stage): Cluster {
  if (cluster === undefined) throw new Error("the stage has no cluster");
  return cluster;
}
