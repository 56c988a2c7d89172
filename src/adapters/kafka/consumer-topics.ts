import { AppError } from "../../errors.ts";
import { kafkaFault } from "../../kafka/error.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Cluster, TopicView } from "./consumer-cluster.ts";

export interface TopicWatchOptions {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Something about the topics is another than before. */
  readonly changed: () => void;
  readonly failed: (topic: string, error: Error) => void;
}

const NONE = 0;
const UNKNOWN_TOPIC = 3;
const TOPIC_DENIED = 29;
const INVALID_TOPIC = 17;
const UNKNOWN_TOPIC_ID = 100;

const SOON_MS = 50;
const RETRY_MS = 250;
const MISSING_MS = 500;
const REFRESH_MS = 30_000;

/**
 * What the brokers say about the topics that are read: identity, partitions, leaders. A topic is
 * taken as gone, or as another one of the same name, when two answers in a row say so: a broker that
 * is behind tells of yesterday.
 */
export class TopicWatch {
  readonly #options: TopicWatchOptions;
  readonly #views = new Map<string, TopicView>();
  readonly #namesById = new Map<string, string>();
  /** What the last answer said that differs from the view and wants to be heard twice. */
  readonly #doubts = new Map<string, string>();
  readonly #denied = new Set<string>();
  #names: ReadonlySet<string> = new Set();
  #timer: Timer | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #asking: Promise<void> | undefined;
  #askAll = true;
  #closed = false;

  constructor(options: TopicWatchOptions) {
    this.#options = options;
  }

  view(name: string): TopicView | undefined {
    return this.#views.get(name);
  }

  /** The name of a topic by its id. */
  nameOf(id: string): string | undefined {
    return this.#namesById.get(id);
  }

  /** Replaces the topics that are watched. */
  watch(names: ReadonlySet<string>): void {
    this.#names = names;
    for (const name of this.#views.keys()) if (!names.has(name)) this.#forget(name);
    for (const name of this.#denied) if (!names.has(name)) this.#denied.delete(name);
    for (const name of this.#doubts.keys()) if (!names.has(name)) this.#doubts.delete(name);
    this.#schedule(0);
  }

  /** Something that a broker said does not fit the view: ask again. */
  stale(): void {
    this.#askAll = true;
    this.#schedule(SOON_MS);
  }

  /** Asks at once. @throws when no broker answers */
  async refresh(): Promise<void> {
    this.#askAll = true;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #schedule(ms: number): void {
    if (this.#closed) return;
    const { clock } = this.#options;
    const dueAt = clock.monotonic() + ms;
    if (dueAt >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = dueAt;
    this.#timer = clock.after(ms, () => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.#timer = undefined;
      void this.#refreshQuietly();
    });
  }

  async #refreshQuietly(): Promise<void> {
    try {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    } catch (error) {
      // While brokers are away nobody needs to know; what an operator has to mend is told.
      const { hint, kind, message } = kafkaFault(error);
      if (kind === "authentication" || kind === "authorization" || kind === "tls")
        this.#options.failed("", new AppError("log_unavailable", `${message}. ${hint}`));
      this.#askAll = true;
      this.#schedule(RETRY_MS);
    }
    this.#schedule(REFRESH_MS);
  }

  async #ask(): Promise<void> {
    const all = this.#askAll || [...this.#names].every((name) => this.#views.has(name));
    const names = all
      ? [...this.#names]
      : [...this.#names].filter((name) => !this.#views.has(name));
    this.#askAll = false;
    if (names.length === 0) return;
    const answers = await this.#options.cluster.describe(names);
    if (this.#closed) return;
    let changed = false;
    for (const answer of answers) if (this.#take(answer)) changed = true;
    const missing = [...this.#names].some((name) => !this.#views.has(name));
    if (this.#doubts.size > 0) {
      this.#askAll = true;
      this.#schedule(SOON_MS * 2);
    } else if (missing) this.#schedule(MISSING_MS);
    const leaderless = answers.some((answer) => answer.leaders.some((node) => node < 0));
    if (leaderless) {
      this.#askAll = true;
      this.#schedule(RETRY_MS);
    }
    if (changed) this.#options.changed();
  }

  /** @returns whether the view is another than before */
  #take(answer: TopicView): boolean {
    const { name, code } = answer;
    if (!this.#names.has(name)) return false;
    const known = this.#views.get(name);
    if (code === TOPIC_DENIED || code === INVALID_TOPIC) {
      if (!this.#denied.has(name)) {
        this.#denied.add(name);
        this.#options.failed(
          name,
          new AppError(
            "topic_unknown",
            code === TOPIC_DENIED
              ? `${name} may not be read: the user lacks the ACL (Describe and Read on the topic)`
              : `${name} is no name that Kafka takes`,
          ),
        );
      }
      return false;
    }
    const gone = code === UNKNOWN_TOPIC || code === UNKNOWN_TOPIC_ID;
    if (!gone && (code !== NONE || answer.leaders.length === 0)) {
      // Leaders are still being chosen.
      this.#schedule(RETRY_MS);
      return false;
    }
    this.#denied.delete(name);
    const id = gone ? "" : answer.id;
    if (known !== undefined && known.id !== id && this.#doubts.get(name) !== id) {
      this.#doubts.set(name, id);
      return false;
    }
    this.#doubts.delete(name);
    if (gone) return this.#forget(name);
    if (known !== undefined && same(known, answer)) return false;
    this.#forget(name);
    this.#views.set(name, answer);
    this.#namesById.set(answer.id, name);
    return true;
  }

  #forget(name: string): boolean {
    const view = this.#views.get(name);
    if (view !== undefined) this.#namesById.delete(view.id);
    return this.#views.delete(name);
  }
}

function same(one: TopicView, other: TopicView): boolean {
  return (
    one.id === other.id &&
    one.leaders.length === other.leaders.length &&
    one.leaders.every((node, partition) => node === other.leaders[partition])
  );
}
