import { AppError } from "../../src/errors.ts";
import { chatTopic } from "../../src/topics.ts";
import type { Host } from "./host.ts";
import { outageActions } from "./outage-weather.ts";
import type { SeededRandom } from "./random.ts";
import { count } from "./stats.ts";
import type { World } from "./world.ts";

type Action = () => void;

/** What goes wrong, one thing at a time. */
export class Weather {
  readonly #world: World;
  readonly #random: SeededRandom;
  readonly #actions: readonly (readonly [number, Action])[];
  readonly #total: number;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random;
    const alone = world.profile.standalone;
    this.#actions = [
      [alone ? 5 : 3, () => this.#crash()],
      [6, () => this.#start()],
      [alone ? 1 : 3, () => this.#leave()],
      [alone ? 0 : 3, () => this.#cut()],
      [alone ? 1 : 3, () => this.#freeze()],
      [3, () => this.#storeAway(this.#random.between(20, 4_000))],
      [2, () => this.#backplaneAway()],
      [1, () => this.#interrupt()],
      [6, () => this.#failAppend()],
      [2, () => this.#foreignRecord()],
      ...(world.profile.outbox ? outageActions(world) : []),
    ];
    this.#total = this.#actions.reduce((sum, [weight]) => sum + weight, 0);
  }

  act(): void {
    let at = this.#random.next() * this.#total;
    for (const [weight, action] of this.#actions) {
      at -= weight;
      if (at < 0) return action();
    }
  }

  /** Nothing goes wrong from now on, and what is down comes up. */
  heal(): void {
    const world = this.#world;
    if (world.profile.outbox) {
      world.outages.end();
      world.log.faults.releaseFlush();
      // So many may wait after an outage that each try of the publisher would meet one.
      world.log.faults.clear();
    }
    const calm = (): void => {
      world.bus.healed = true;
      world.bus.down = false;
      world.weather.healed = true;
    };
    // What is missed now has nothing after it that would show it.
    if (this.#random.chance(0.5)) {
      world.scheduler.after(this.#random.between(0, 800), calm);
      this.#storeAway(this.#random.between(2_500, 6_000));
    } else {
      calm();
      world.weather.down = false;
    }
    this.keepUp();
    for (const host of world.hosts) {
      host.process.thaw();
      for (const consumer of host.consumers) this.#reconnect(host, consumer);
    }
  }

  /** Starts what has ended by itself since. */
  keepUp(): void {
    for (const host of this.#world.hosts) this.#world.restart(host);
  }

  #up(): readonly Host[] {
    return this.#world.hosts.filter((host) => host.up);
  }

  #pick(hosts: readonly Host[]): Host | undefined {
    return hosts.length === 0 ? undefined : this.#random.pick(hosts);
  }

  #crash(): void {
    const host = this.#pick(this.#up());
    if (host === undefined) return;
    this.#world.crash(host);
    this.#restartLater(host, this.#random.between(1, 3_500));
  }

  #start(): void {
    const host = this.#pick(this.#world.hosts.filter((one) => !one.up));
    if (host !== undefined) this.#world.restart(host);
  }

  #leave(): void {
    const host = this.#pick(this.#up().filter((one) => one.process.running));
    if (host === undefined) return;
    this.#world.leave(host);
    if (this.#random.chance(0.3)) {
      const { process } = host;
      this.#world.scheduler.after(this.#random.between(1, 600), () => {
        if (host.process === process && process.alive) this.#world.crash(host);
      });
    }
    this.#restartLater(host, this.#random.between(2_500, 5_000));
  }

  #restartLater(host: Host, ms: number): void {
    this.#world.scheduler.after(ms, () => this.#world.restart(host));
  }

  #cut(): void {
    const host = this.#pick(this.#up().filter((one) => one.consumers.length > 0));
    const consumer = host?.consumers[0];
    if (host === undefined || consumer === undefined || consumer.cut) return;
    this.#world.trace.add("heartbeats cut", host.name);
    consumer.cutOff(this.#world.profile.limits.sessionTimeoutMs);
    const ms = this.#random.between(500, 6_000);
    this.#world.scheduler.after(ms, () => this.#reconnect(host, consumer));
  }

  #reconnect(host: Host, consumer: Host["consumers"][number]): void {
    // A frozen process joins no group; it does when it has thawed.
    if (!host.consumers.includes(consumer) || !host.process.running) return;
    consumer.reconnect().catch((error: unknown) => this.#world.broken("join", String(error)));
  }

  #freeze(): void {
    const host = this.#pick(this.#up().filter((one) => one.process.running));
    if (host === undefined) return;
    const { process, consumers } = host;
    const ms = this.#random.chance(0.5) ? 2_600 + this.#random.int(2_000) : this.#random.int(2_500);
    count("process frozen");
    this.#world.trace.add("freeze", host.name, ms);
    process.freeze();
    for (const consumer of consumers) consumer.cutOff(this.#world.profile.limits.sessionTimeoutMs);
    this.#world.scheduler.after(ms, () => {
      this.#world.trace.add("thaw", host.name);
      process.thaw();
      const soon = this.#random.between(1, 1_500);
      this.#world.scheduler.after(soon, () => {
        for (const consumer of consumers) this.#reconnect(host, consumer);
      });
    });
  }

  #storeAway(ms: number): void {
    const { weather, scheduler, trace } = this.#world;
    trace.add("store away");
    count("store away");
    weather.down = true;
    scheduler.after(ms, () => (weather.down = false));
  }

  #backplaneAway(): void {
    const { bus, scheduler, trace } = this.#world;
    trace.add("backplane away");
    count("backplane away");
    bus.down = true;
    scheduler.after(this.#random.between(20, 4_000), () => {
      bus.down = false;
      if (this.#random.chance(0.5)) bus.interrupt();
    });
  }

  #interrupt(): void {
    count("backplane interrupted");
    this.#world.bus.interrupt();
  }

  #failAppend(): void {
    const { faults } = this.#world.log;
    const code = this.#random.pick(["log_unavailable", "disk_full", "unknown_outcome"] as const);
    const kept = code === "unknown_outcome" && this.#random.chance(0.5);
    count(`append fails: ${code}${kept ? ", kept" : ""}`);
    this.#world.trace.add("append fails", code, kept);
    faults.failNextAppend({ code, kept });
  }

  /** Somebody else writes into the topic. */
  #foreignRecord(): void {
    const { log, random, profile } = this.#world;
    const topic = chatTopic(random.pick(["acme", "bolt"]), profile.partitions).name;
    if (!this.#world.disk.topics.has(topic)) return;
    const id = random.uuidv7();
    const value = `{"id":"${id}","type":"message.sent","timestamp":1,"payload":{"key":"${id}","sender":"x","kind":"text","content":{}}}`;
    const head = value.indexOf(',"payload"');
    const header = `1 1 abc ${id} ${head} ${value.indexOf('"key"')}`;
    const record = random.pick([
      { key: "room-0", headers: {}, value: "nonsense" },
      { key: "bad\u0000name", headers: { tidegate: header }, value },
    ]);
    count("foreign record");
    log.append(topic, random.int(profile.partitions), [record]).catch((error: unknown) => {
      if (!(error instanceof AppError)) this.#world.broken("foreign", String(error));
    });
  }
}
