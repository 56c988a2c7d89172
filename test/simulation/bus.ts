import type {
  Backplane,
  BackplaneListener,
  BackplaneMember,
  Beat,
  Publication,
  Refusal,
} from "../../src/ports/backplane.ts";
import type { SimProcess } from "./process.ts";
import type { Profile } from "./profile.ts";
import type { SeededRandom } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";
import { count } from "./stats.ts";

interface Member {
  readonly process: SimProcess;
  readonly listener: BackplaneListener;
  /** By partition: conversations joined, counted. */
  readonly joined: Map<string, Map<string, number>>;
  readonly users: Map<string, number>;
}

const LATE_MS = 400;

/**
 * The backplane between processes: loses, repeats, delays and reorders as the seed says, and hands
 * a member only what it has joined.
 */
export class Bus {
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandom;
  readonly #profile: Profile;
  readonly #members = new Set<Member>();
  readonly #answers = new Map<string, Map<() => Beat, SimProcess>>();
  readonly #ownerEpochs = new Map<string, number>();
  /** Nothing gets through. */
  down = false;
  /** Nothing goes wrong any more. */
  healed = false;

  constructor(scheduler: Scheduler, random: SeededRandom, profile: Profile) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#profile = profile;
  }

  /** A process's end. */
  endpoint(process: SimProcess): Backplane {
    return {
      publish: (publication) => this.#publish(process, publication),
      beat: (beat) => {
        if (process.running)
          this.#spread(beat.topic, beat.partition, (to) => this.#sendBeat(to, beat));
      },
      refuse: (refusal) => this.#refuse(process, refusal),
      answerBeats: (topic, partition, current) => this.#answer(process, topic, partition, current),
      attach: (listener) => this.#attach(process, listener),
      close: () => Promise.resolve(),
    };
  }

  /** The process is gone. */
  forget(process: SimProcess): void {
    for (const member of this.#members)
      if (member.process === process) this.#members.delete(member);
    for (const answers of this.#answers.values())
      for (const [current, owner] of answers) if (owner === process) answers.delete(current);
  }

  /** Tells every member that it may have missed something. */
  interrupt(): void {
    for (const member of this.#members)
      this.#scheduler.after(1, () => member.process.run(() => member.listener.interrupted()));
  }

  /** Joins of a process that were not left. */
  joins(process: SimProcess): number {
    let joins = 0;
    for (const member of this.#members) {
      if (member.process !== process) continue;
      for (const counts of member.joined.values()) for (const n of counts.values()) joins += n;
      for (const n of member.users.values()) joins += n;
    }
    return joins;
  }

  #publish(process: SimProcess, publication: Publication): void {
    if (!process.running) return;
    const name = nameOf(publication.topic, publication.partition);
    const newest = this.#ownerEpochs.get(name) ?? 0;
    if (publication.ownerEpoch < newest) count("publication of a replaced worker");
    else this.#ownerEpochs.set(name, publication.ownerEpoch);
    this.#spread(publication.topic, publication.partition, (to) => {
      const { lost, duplicated } = this.#profile.bus;
      if (this.#hits(lost)) return count("publication lost");
      this.#send(to, "publication", () => to.listener.publication(publication));
      if (!this.#hits(duplicated)) return;
      count("publication duplicated");
      this.#send(to, "publication", () => to.listener.publication(publication));
    });
  }

  #refuse(process: SimProcess, refusal: Refusal): void {
    if (!process.running) return;
    for (const member of this.#members) {
      if (!member.users.has(`${refusal.tenant}/${refusal.user}`)) continue;
      if (this.#hits(this.#profile.bus.lost)) count("refusal lost");
      else this.#send(member, "refusal", () => member.listener.refusal(refusal));
    }
  }

  #sendBeat(to: Member, beat: Beat): void {
    if (this.#hits(this.#profile.bus.beatLost)) return count("beat lost");
    this.#send(to, "beat", () => to.listener.beat(beat));
  }

  #spread(topic: string, partition: number, to: (member: Member) => void): void {
    if (this.down) return count("lost in an outage of the backplane");
    const name = nameOf(topic, partition);
    for (const member of this.#members) if (member.joined.has(name)) to(member);
  }

  #send(to: Member, what: string, deliver: () => void): void {
    let delay = this.#profile.latencyMs * this.#random.next();
    if (this.#hits(this.#profile.bus.late)) {
      count(`${what} late`);
      delay += this.#random.next() * LATE_MS;
    }
    this.#scheduler.after(delay, () => {
      if (this.#members.has(to)) to.process.run(deliver);
    });
  }

  #hits(chance: number): boolean {
    return !this.healed && this.#random.chance(chance);
  }

  #answer(process: SimProcess, topic: string, partition: number, current: () => Beat): () => void {
    const name = nameOf(topic, partition);
    let answers = this.#answers.get(name);
    if (answers === undefined)
      this.#answers.set(name, (answers = new Map<() => Beat, SimProcess>()));
    answers.set(current, process);
    return () => void answers.delete(current);
  }

  #attach(process: SimProcess, listener: BackplaneListener): BackplaneMember {
    const member: Member = { process, listener, joined: new Map(), users: new Map() };
    this.#members.add(member);
    const scheduler = this.#scheduler;
    return {
      join: (tenant, conversation, topic, partition) => {
        const joining = scheduler.sleep(this.#profile.latencyMs * this.#random.next()).then(() => {
          const name = nameOf(topic, partition);
          let counts = member.joined.get(name);
          if (counts === undefined) member.joined.set(name, (counts = new Map<string, number>()));
          add(counts, `${tenant}/${conversation}`, 1);
        });
        return process.io(joining);
      },
      leave(tenant, conversation, topic, partition) {
        const name = nameOf(topic, partition);
        const counts = member.joined.get(name);
        if (counts === undefined) throw new Error(`${name} was left and never joined`);
        add(counts, `${tenant}/${conversation}`, -1);
        if (counts.size === 0) member.joined.delete(name);
      },
      joinUser: (tenant, user) => add(member.users, `${tenant}/${user}`, 1),
      leaveUser: (tenant, user) => add(member.users, `${tenant}/${user}`, -1),
      askBeat: (topic, partition) => this.#ask(member, topic, partition),
      close: () => {
        this.#members.delete(member);
        return Promise.resolve();
      },
    };
  }

  #ask(member: Member, topic: string, partition: number): void {
    if (this.down || this.#hits(this.#profile.bus.beatLost))
      return count("question for a beat lost");
    this.#scheduler.after(this.#profile.latencyMs * this.#random.next(), () => {
      for (const [current, process] of this.#answers.get(nameOf(topic, partition)) ?? [])
        process.run(() => {
          const beat = current();
          if (!this.down) this.#sendBeat(member, beat);
        });
    });
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function add(counts: Map<string, number>, name: string, by: number): void {
  const left = (counts.get(name) ?? 0) + by;
  if (left < 0) throw new Error(`${name} was left more often than joined`);
  if (left === 0) counts.delete(name);
  else counts.set(name, left);
}
