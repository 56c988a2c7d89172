import type { AppError } from "../../errors.ts";
import type { Backplane, BackplaneListener, BackplaneMember, Beat } from "../../ports/backplane.ts";
import type { SharedLimits } from "../../ports/shared-limits.ts";
import type { SnapshotBoard } from "../../ports/snapshot-board.ts";
import { Fabric, type RedisOptions } from "./fabric.ts";
import { decodeRefusal, QUESTION } from "./frame.ts";
import { KeptRefusals } from "./kept-refusals.ts";
import { Listening } from "./listening.ts";
import { Publisher, USER_SLOTS } from "./publisher.ts";
import { createSharedLimits } from "./shared-limits.ts";
import { createSnapshotBoard } from "./snapshot-board.ts";

/** Channels that a partition's conversations are spread over: measured in docs/adr/0006-channels.md. */
const LANES = 1;

export interface RedisBackplaneOptions extends RedisOptions {
  /**
   * Channels a partition; the same in every process, or they do not hear each other. More than one
   * pays where very many gateways read few conversations each.
   */
  readonly lanes?: number;
}

export interface RedisBackplane extends Backplane {
  /** Rates over the same connections. */
  readonly sharedLimits: SharedLimits;
  /** What processes say of themselves, over the same connections. */
  readonly snapshots: SnapshotBoard;
  /** Resolves at the first connection, or when the backplane is closed. */
  opened(): Promise<void>;
  /** Why Redis cannot be used now; undefined when it can. */
  problem(): AppError | undefined;
}

/** Words to the users of one tenant that share a channel. */
interface UserChannel {
  readonly name: string;
  /** Listener → user → times joined. */
  readonly listeners: Map<BackplaneListener, Map<string, number>>;
}

/**
 * The backplane over Redis pub/sub, sharded pub/sub on a cluster. Connects at once and for as long as it
 * lives; while Redis is away everything published is dropped and counted, but for refusals.
 * @throws RangeError for a URL or prefix that is none
 */
export function createRedisBackplane(options: RedisBackplaneOptions): RedisBackplane {
  const { clock, limits } = options;
  const lanes = options.lanes ?? LANES;
  const listeners = new Set<BackplaneListener>();
  const listenings = new Map<string, Listening>();
  const users = new Map<string, UserChannel>();
  const answers = new Map<string, () => Beat>();
  /** Questions of this turn: many who ask at once are answered once. */
  const asking = new Map<string, () => void>();
  const fabric = new Fabric(options, lanes, () => {
    for (const listener of listeners) listener.interrupted();
  });
  const refusals = new KeptRefusals({ ...options, fabric });
  const publisher = new Publisher(fabric, lanes, limits.publicationCharsMax, refusals);

  function once(key: string, run: () => void): void {
    if (asking.size === 0)
      clock.defer(() => {
        const all = [...asking.values()];
        asking.clear();
        for (const ask of all) ask();
      });
    asking.set(key, run);
  }

  function answer(topic: string, partition: number, current: () => Beat): () => void {
    const { names } = fabric;
    const tag = names.partitionTag(topic, partition);
    const channel = names.questions(tag, topic, partition);
    answers.set(channel, current);
    const reply = (): void => {
      const now = answers.get(channel);
      if (now !== undefined) publisher.beat(now());
    };
    const hear = (bytes: Buffer): void => {
      if (bytes.toString() !== QUESTION) fabric.metrics.foreign.value++;
      else if (answers.has(channel)) once(`answer ${channel}`, reply);
    };
    void fabric.listen(tag, channel, { hear, cut: () => {}, gone: () => {} });
    return () => {
      if (answers.get(channel) !== current) return;
      answers.delete(channel);
      fabric.leave(channel);
    };
  }

  function hearRefusal(channel: UserChannel, text: string): void {
    const refusal = decodeRefusal(text);
    if (refusal === undefined) {
      fabric.metrics.foreign.value++;
      return;
    }
    const key = userKey(refusal.tenant, refusal.user);
    for (const [listener, joined] of channel.listeners)
      if (joined.has(key)) listener.refusal(refusal);
  }

  function joinUser(listener: BackplaneListener, tenant: string, user: string): void {
    const { tag, name } = fabric.names.user(tenant, user, USER_SLOTS);
    let channel = users.get(name);
    if (channel === undefined) {
      channel = { name, listeners: new Map<BackplaneListener, Map<string, number>>() };
      users.set(name, channel);
    }
    const joined = channel.listeners.get(listener) ?? new Map<string, number>();
    channel.listeners.set(listener, joined);
    const key = userKey(tenant, user);
    joined.set(key, (joined.get(key) ?? 0) + 1);
    const hear = (bytes: Buffer): void => {
      const known = users.get(name);
      if (known !== undefined) hearRefusal(known, bytes.toString());
    };
    void fabric.listen(tag, name, { hear, cut: () => {}, gone: () => {} });
  }

  function leaveUser(listener: BackplaneListener, tenant: string, user: string): void {
    const channel = users.get(fabric.names.user(tenant, user, USER_SLOTS).name);
    const joined = channel?.listeners.get(listener);
    const key = userKey(tenant, user);
    const times = joined?.get(key);
    if (channel === undefined || joined === undefined || times === undefined) return;
    if (times > 1) joined.set(key, times - 1);
    else joined.delete(key);
    if (joined.size === 0) forgetUsers(listener, channel);
  }

  function forgetUsers(listener: BackplaneListener, channel: UserChannel): void {
    channel.listeners.delete(listener);
    if (channel.listeners.size > 0) return;
    users.delete(channel.name);
    fabric.leave(channel.name);
  }

  function listening(topic: string, partition: number): Listening {
    const key = `${partition}/${topic}`;
    let one = listenings.get(key);
    if (one === undefined)
      listenings.set(key, (one = new Listening(fabric, topic, partition, lanes)));
    return one;
  }

  return {
    publish: (publication) => publisher.publish(publication),
    beat: (beat) => publisher.beat(beat),
    refuse: (refusal) => publisher.refuse(refusal),
    answerBeats: answer,
    attach(listener): BackplaneMember {
      listeners.add(listener);
      return {
        join: (tenant, conversation, topic, partition) =>
          listening(topic, partition).join(listener, tenant, conversation),
        leave: (tenant, conversation, topic, partition) =>
          listening(topic, partition).leave(listener, tenant, conversation),
        joinUser: (tenant, user) => joinUser(listener, tenant, user),
        leaveUser: (tenant, user) => leaveUser(listener, tenant, user),
        askBeat(topic, partition) {
          const { names } = fabric;
          const tag = names.partitionTag(topic, partition);
          const channel = names.questions(tag, topic, partition);
          const ask = () => once(`ask ${channel}`, () => fabric.send(tag, channel, QUESTION));
          void listening(topic, partition).visit(listener).then(ask);
        },
        close() {
          listeners.delete(listener);
          for (const one of listenings.values()) one.forget(listener);
          for (const channel of users.values()) forgetUsers(listener, channel);
          return Promise.resolve();
        },
      };
    },
    close() {
      listeners.clear();
      answers.clear();
      refusals.close();
      fabric.close();
      return Promise.resolve();
    },
    sharedLimits: createSharedLimits(fabric, clock, limits, fabric.id),
    snapshots: createSnapshotBoard(fabric, limits),
    opened: () => fabric.opened(),
    problem: () => fabric.problem,
  };
}

function userKey(tenant: string, user: string): string {
  return `${tenant}\u0000${user}`;
}
