import { AppError } from "../../src/errors.ts";
import { eventTopic } from "../../src/event-topics.ts";
import type { Limits } from "../../src/limits.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import { BUSINESS_PREFIX } from "../../src/wire/event-type.ts";

/** A topic that is there. */
export interface OpenTopic {
  readonly name: string;
  readonly partitions: number;
}

export interface EventTopicsOptions {
  readonly log: Pick<EventLog, "createTopic" | "describeTopic" | "topics">;
  readonly limits: Pick<Limits, "eventTopicsMax">;
  /** Of topics that are made here, if that is less than what the catalog says. */
  readonly partitionsMax: number;
}

/** The topics of events that are not chat's, made when the first event of one comes. */
export class EventTopics {
  readonly #options: EventTopicsOptions;
  /** By name; no more than `eventTopicsMax`, since no more are made. */
  readonly #open = new Map<string, OpenTopic>();
  /** One after the other: else two could pass the limit together. */
  #opening: Promise<unknown> = Promise.resolve();

  constructor(options: EventTopicsOptions) {
    this.#options = options;
  }

  /** The topic of a type, if it is known to be there. */
  get(type: string): OpenTopic | undefined {
    return this.#open.get(eventTopic(type).name);
  }

  /** @throws forbidden when there are too many; what the log throws */
  async open(type: string): Promise<OpenTopic> {
    const opened = this.#opening.then(() => this.#find(type));
    this.#opening = opened.catch(() => undefined);
    return opened;
  }

  async #find(type: string): Promise<OpenTopic> {
    const known = this.get(type);
    if (known !== undefined) return known;
    const { log, limits, partitionsMax } = this.#options;
    const spec = eventTopic(type);
    let info = await log.describeTopic(spec.name);
    if (info === undefined) {
      const others = (await log.topics()).filter(({ name }) => name.startsWith(BUSINESS_PREFIX));
      if (spec.name.startsWith(BUSINESS_PREFIX) && others.length >= limits.eventTopicsMax) {
        const message = `${spec.name} would be one topic too many`;
        throw new AppError("forbidden", message, { field: "type", limit: limits.eventTopicsMax });
      }
      const partitions = Math.min(spec.partitions, partitionsMax);
      info = await log.createTopic({ ...spec, partitions });
    }
    const topic = { name: spec.name, partitions: info.partitions };
    this.#open.set(spec.name, topic);
    return topic;
  }
}
