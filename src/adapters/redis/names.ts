/** Tags that spread channels and keys over a cluster's nodes. A part of every name: never change it. */
export const TAGS = 256;

/** Between parts of a hashed name; no part can have it. */
const SEPARATOR = 0;

/** FNV-1a over UTF-16 code units: the same in every process and version, unlike the runtime's. */
function hash(parts: readonly string[]): number {
  let h = 0x811c9dc5;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) h = Math.imul(h ^ part.charCodeAt(i), 0x01000193);
    h = Math.imul(h ^ SEPARATOR, 0x01000193);
  }
  return (h ^ (h >>> 15)) >>> 0;
}

/** The lane of a partition that a conversation's publications take. */
export function laneOf(tenant: string, conversation: string, lanes: number): number {
  return lanes === 1 ? 0 : hash([tenant, conversation]) % lanes;
}

/** A name with the tag that says on which node of a cluster it is. */
export interface Place {
  readonly tag: number;
  readonly name: string;
}

/**
 * Names of channels and keys: `prefix:{tag}:kind:part:part …`. A part is percent-encoded, so that no
 * tenant's or topic's name, whatever its characters, makes the name of another one's. Everything of
 * one partition has one tag: one connection brings its publications and beats in order.
 */
export class Names {
  readonly #prefix: string;
  readonly #lanes: number;

  /** @throws RangeError for a prefix that could not be told from the rest of a name */
  constructor(prefix: string, lanes: number) {
    if (!/^[A-Za-z0-9_.-]{1,40}$/.test(prefix))
      throw new RangeError(`not a prefix for names in Redis: ${JSON.stringify(prefix)}`);
    this.#prefix = prefix;
    this.#lanes = lanes;
  }

  partitionTag(topic: string, partition: number): number {
    return hash([topic, String(partition)]) % TAGS;
  }

  /** The number of lanes is in the name: programs with another number do not hear each other wrongly. */
  lane(tag: number, topic: string, partition: number, lane: number): string {
    return this.#name(tag, `p${this.#lanes}`, topic, String(partition), String(lane));
  }

  beats(tag: number, topic: string, partition: number): string {
    return this.#name(tag, `b${this.#lanes}`, topic, String(partition));
  }

  /** Where a partition's worker is asked for a beat. */
  questions(tag: number, topic: string, partition: number): string {
    return this.#name(tag, `q${this.#lanes}`, topic, String(partition));
  }

  /** Where words to a user go; users of one tenant may share it. */
  user(tenant: string, user: string, slots: number): Place {
    const slot = String(hash([tenant, user]) % slots);
    return this.#place("u", tenant, slot);
  }

  probe(tag: number, id: string): string {
    return this.#name(tag, "probe", id);
  }

  budget(tenant: string, budget: string): Place {
    return this.#place("limit", tenant, budget);
  }

  /** The list of the processes that say how they are. */
  snapshots(): Place {
    return this.#place("snapshots", "all");
  }

  #place(kind: string, ...parts: string[]): Place {
    const tag = hash(parts) % TAGS;
    return { tag, name: this.#name(tag, kind, ...parts) };
  }

  #name(tag: number, kind: string, ...parts: string[]): string {
    return `${this.#prefix}:{${tag}}:${kind}:${parts.map(encodePart).join(":")}`;
  }
}

function encodePart(part: string): string {
  // What has no UTF-8 has no name in Redis; the readers compare names once more.
  return encodeURIComponent(part.toWellFormed());
}
