import { expect, test } from "bun:test";
import { Redis } from "ioredis";
import { Fabric } from "../../src/adapters/redis/fabric.ts";
import { FrameWriter } from "../../src/adapters/redis/frame-writer.ts";
import { laneOf, Names } from "../../src/adapters/redis/names.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { limitsWith, type Limits } from "../../src/limits.ts";
import { freshPrefix, startRedisProcess } from "../support/redis/backplane.ts";
import { beatOf, Ear, publicationOf, TOPIC } from "../support/redis/ear.ts";
import { useRedis } from "../support/services/redis.ts";
import { silentTelemetry } from "../support/sqlite-store.ts";

const PARTITION = 3;

async function start(limits: Partial<Limits> = {}, lanes = 1) {
  const { url } = await useRedis();
  const prefix = freshPrefix();
  const worker = startRedisProcess({ url, prefix, lanes }, limits);
  const gateway = startRedisProcess({ url, prefix, lanes }, limits);
  const client = new Redis(url);
  await Promise.all([worker.backplane.opened(), gateway.backplane.opened()]);
  const names = new Names(prefix, lanes);
  return {
    worker,
    gateway,
    ear: new Ear(gateway.backplane),
    client,
    prefix,
    names,
    tag: names.partitionTag(TOPIC, PARTITION),
    async [Symbol.asyncDispose](): Promise<void> {
      client.disconnect();
      await worker.backplane.close();
      await gateway.backplane.close();
    },
  };
}

test("a fold that is too large for one message comes in several, in order and whole", async () => {
  const publicationCharsMax = 2_000;
  await using world = await start({ publicationCharsMax });
  const { ear, worker, client, names, tag } = world;
  await ear.member.join("acme", "room", TOPIC, PARTITION);
  const sizes: number[] = [];
  const spy = client.duplicate();
  await spy.subscribe(names.lane(tag, TOPIC, PARTITION, 0));
  spy.on("message", (_channel: string, text: string) => sizes.push(text.length));
  const events = Array.from({ length: 50 }, (_, i) => `{"n":${i},"text":"${"é".repeat(150)}"}`);
  const offsets = events.map((_, i) => 2 * i);
  worker.backplane.publish(publicationOf("room", 1, { events, offsets }));
  await ear.until(() => ear.runs.reduce((sum, run) => sum + run.events.length, 0) === 50);
  expect(ear.runs.flatMap((run) => run.events)).toEqual(events);
  expect(ear.runs.flatMap((run) => run.offsets)).toEqual(offsets);
  expect(ear.runs[1]?.firstSeq).toBe(1 + (ear.runs[0]?.events.length ?? 0));
  expect(sizes.length).toBeGreaterThan(4);
  // The head of a message and of a run come on top.
  for (const size of sizes) expect(size).toBeLessThan(publicationCharsMax + 200);
  const huge = `{"text":"${"x".repeat(3 * publicationCharsMax)}"}`;
  worker.backplane.publish(publicationOf("room", 2, { firstSeq: 51, events: [huge] }));
  await ear.until(() => ear.runs.some((run) => run.events[0] === huge));
  spy.disconnect();
});

test("numbers follow each other, jump where something was missed, and a beat shows it as well", async () => {
  await using world = await start();
  const { ear, client, names, tag, worker } = world;
  await ear.member.join("acme", "room", TOPIC, PARTITION);
  const say = (number: number, count: number) => {
    const [run] = publicationOf("room", number).runs;
    const writer = new FrameWriter();
    writer.run(run as NonNullable<typeof run>, 0, 1);
    const message = writer.take({ ownerEpoch: 1, number, count });
    return client.publish(names.lane(tag, TOPIC, PARTITION, 0), message);
  };
  await say(40, 1);
  await say(41, 2);
  await say(44, 4);
  await say(45, 5);
  await ear.until(() => ear.publications.length === 4);
  expect(ear.publications.map(({ number }) => number)).toEqual([40, 41, 43, 44]);
  // The worker's own count is at 0: nothing beyond what was heard.
  worker.backplane.beat(beatOf(45));
  await ear.until(() => ear.beats.length === 1);
  expect(ear.beats[0]?.number).toBe(44);
  await client.publish(names.beats(tag, TOPIC, PARTITION), "1b1 46 50 50\n6");
  await ear.until(() => ear.beats.length === 2);
  expect(ear.beats[1]).toEqual(beatOf(45, { publishedThrough: 50, storedThrough: 50 }));
});

test("what others say in the same partition changes no numbers", async () => {
  await using world = await start({}, 4);
  const { ear, worker, gateway } = world;
  const other = Array.from({ length: 100 }, (_, i) => `other-${i}`);
  const sameLane = other.find((name) => laneOf("acme", name, 4) === laneOf("acme", "room", 4));
  const otherLane = other.find((name) => laneOf("acme", name, 4) !== laneOf("acme", "room", 4));
  await ear.member.join("acme", "room", TOPIC, PARTITION);
  let number = 0;
  const say = (name: string | undefined) =>
    worker.backplane.publish(publicationOf(name ?? "", ++number));
  for (const name of ["room", sameLane, otherLane, sameLane, "room", otherLane, "room"]) say(name);
  worker.backplane.beat(beatOf(number));
  await ear.until(() => ear.beats.length > 0);
  expect(ear.runs.map(({ conversation }) => conversation)).toEqual(["room", "room", "room"]);
  expect(ear.publications.map((publication) => publication.number)).toEqual([1, 2, 3]);
  expect(ear.beats[0]?.number).toBe(3);
  // The other lanes were not listened to.
  expect(gateway.telemetry.value("tidegate_backplane_messages_heard_total")).toBeLessThan(8);
});

test("tenants that share a topic, and a channel of it, are handed nothing of each other", async () => {
  await using world = await start();
  const { ear, worker } = world;
  const topic = "chat.messages.pool-1";
  await ear.member.join("acme", "room", topic, PARTITION);
  ear.member.joinUser("acme", "ana");
  // Joining a user has no answer: a join of another channel after it shows that it is done.
  await ear.member.join("acme", "other", topic, PARTITION + 1);
  const of = (tenant: string, conversation: string) =>
    publicationOf(conversation, 1, { tenant, topic }).runs;
  worker.backplane.publish({
    ...publicationOf("room", 1, { topic }),
    runs: [...of("rival", "room"), ...of("acme", "room"), ...of("rival", "secret")],
  });
  const message = { conversation: "room", key: "k", message: "m" };
  const refusal = { ...message, code: "key_conflict", origin: `${topic}/${PARTITION}/7` };
  worker.backplane.refuse({ ...refusal, tenant: "rival", user: "ana" });
  worker.backplane.refuse({ ...refusal, tenant: "acme", user: "bo" });
  worker.backplane.refuse({ ...refusal, tenant: "acme", user: "ana" });
  await ear.until(() => ear.runs.length > 0 && ear.refusals.length > 0);
  expect(ear.runs.map(({ tenant, conversation }) => [tenant, conversation])).toEqual([
    ["acme", "room"],
  ]);
  expect(ear.refusals.map(({ tenant, user }) => [tenant, user])).toEqual([["acme", "ana"]]);
});

test("what is foreign on our channels is dropped and counted, and what follows is heard", async () => {
  await using world = await start();
  const { ear, worker, gateway, client, names, tag } = world;
  await ear.member.join("acme", "room", TOPIC, PARTITION);
  ear.member.joinUser("acme", "ana");
  worker.backplane.answerBeats(TOPIC, PARTITION, () => beatOf(1));
  // Joining a user has no answer: a join of another channel after it shows that it is done.
  await ear.member.join("acme", "room-2", TOPIC, PARTITION + 1);
  const foreign = [
    "",
    "hello",
    Buffer.from([0xff, 0xfe, 0]),
    "2p1 1 1\n5\tx",
    `1p1 1 1\n12\tacme\troom\te\t`,
    "x".repeat(100_000),
  ];
  const channels = [
    names.lane(tag, TOPIC, PARTITION, 0),
    names.beats(tag, TOPIC, PARTITION),
    names.user("acme", "ana", 256).name,
  ];
  for (const channel of channels)
    for (const text of foreign) expect(await client.publish(channel, text)).toBe(1);
  const questions = names.questions(tag, TOPIC, PARTITION);
  while ((await client.publish(questions, "who?")) === 0) await Bun.sleep(5);
  worker.backplane.publish(publicationOf("room", 1));
  await ear.until(() => ear.publications.length > 0);
  expect(ear.runs.map(({ conversation }) => conversation)).toEqual(["room"]);
  expect(ear.beats).toEqual([]);
  const foreignOf = (process: typeof gateway) =>
    process.telemetry.value("tidegate_backplane_foreign_messages_total");
  expect(foreignOf(gateway)).toBe(channels.length * foreign.length);
  while (foreignOf(worker) === 0) await Bun.sleep(5);
});

test("many joins of one turn are few commands, and a channel is left when its last reader is gone for a while", async () => {
  await using world = await start({ channelLingerMs: 50, probeIntervalMs: 50 });
  const { ear, client, prefix, worker, gateway } = world;
  const partitions = Array.from({ length: 600 }, (_, partition) => partition);
  const before = await commandCount(client);
  await Promise.all(
    partitions.map((partition) => ear.member.join("acme", "room", TOPIC, partition)),
  );
  // 1,200 channels and some that belong to others.
  expect((await commandCount(client)) - before).toBeLessThan(50);
  const channels = async () => (await client.call("PUBSUB", "CHANNELS", `${prefix}:*`)) as string[];
  expect((await channels()).length).toBeGreaterThanOrEqual(1_200);
  expect(gateway.telemetry.value("tidegate_backplane_subscriptions")).toBe(1_200);
  for (const partition of [0, 599])
    worker.backplane.publish(publicationOf("room", 1, { partition }));
  await ear.until(() => ear.publications.length === 2);
  for (const partition of partitions.slice(1)) ear.member.leave("acme", "room", TOPIC, partition);
  while (gateway.telemetry.value("tidegate_backplane_subscriptions") !== 2) await Bun.sleep(5);
  // Those and the probes of both processes.
  while ((await channels()).length > 4) await Bun.sleep(5);
  worker.backplane.publish(publicationOf("room", 2, { partition: 0 }));
  await ear.until(() => ear.publications.length === 3);
});

test("a reader that comes back within the linger costs nothing and misses nothing", async () => {
  await using world = await start();
  const { ear, worker } = world;
  await ear.member.join("acme", "room", TOPIC, PARTITION);
  worker.backplane.publish(publicationOf("room", 1));
  await ear.until(() => ear.publications.length === 1);
  ear.member.leave("acme", "room", TOPIC, PARTITION);
  worker.backplane.publish(publicationOf("room", 2));
  worker.backplane.publish(publicationOf("room", 3));
  worker.backplane.beat(beatOf(3));
  await ear.until(() => ear.beats.length > 0);
  expect(ear.runs).toHaveLength(1);
  await ear.member.join("acme", "room", TOPIC, PARTITION);
  worker.backplane.publish(publicationOf("room", 4));
  await ear.until(() => ear.publications.length === 2);
  expect(ear.runs[1]?.events).toEqual(['{"n":4}']);
});

/** SUBSCRIBE commands that Redis has run. */
async function commandCount(client: Redis): Promise<number> {
  const stats = await client.info("commandstats");
  return Number(/cmdstat_subscribe:calls=([0-9]+)/.exec(stats)?.[1] ?? 0);
}

test("a channel that comes back in the turn in which it was given up is heard at once", async () => {
  let tick = (): void => {};
  const clock = {
    ...createSystemClock(),
    every(_: number, run: () => void) {
      tick = run;
      return { cancel: () => {} };
    },
  };
  // Far beyond the test's time: nothing but Redis' word can end the wait.
  const limits = limitsWith({ channelLingerMs: 0, joinWaitMs: 60_000 });
  const { url } = await useRedis();
  const random = createSystemRandom();
  const options = { url, prefix: freshPrefix(), clock, random, limits, telemetry: silentTelemetry };
  const fabric = new Fabric(options, 1, () => {});
  const { tag, name } = fabric.names.user("acme", "ana", 1);
  const heard = Promise.withResolvers<string>();
  const hear = (bytes: Buffer) => heard.resolve(bytes.toString());
  await fabric.opened();
  await fabric.listen(tag, name, { hear: () => {}, cut: () => {}, gone: () => {} });
  fabric.leave(name);
  tick();
  await fabric.listen(tag, name, { hear, cut: () => {}, gone: () => {} });
  fabric.send(tag, name, "a word");
  expect(await heard.promise).toBe("a word");
  fabric.close();
});
