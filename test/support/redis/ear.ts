import type {
  Backplane,
  BackplaneMember,
  Beat,
  Publication,
  PublishedRun,
  Refusal,
} from "../../../src/ports/backplane.ts";

export const TOPIC = "chat.messages.acme";

/** A member that keeps what it hears; a test waits for what it is to have heard. */
export class Ear {
  readonly publications: Publication[] = [];
  readonly beats: Beat[] = [];
  readonly refusals: Refusal[] = [];
  interruptions = 0;
  readonly member: BackplaneMember;
  #waiting: (() => void)[] = [];

  constructor(backplane: Backplane) {
    this.member = backplane.attach({
      publication: (publication) => this.#heard(() => this.publications.push(publication)),
      beat: (beat) => this.#heard(() => this.beats.push(beat)),
      refusal: (refusal) => this.#heard(() => this.refusals.push(refusal)),
      interrupted: () => this.#heard(() => this.interruptions++),
    });
  }

  get runs(): readonly PublishedRun[] {
    return this.publications.flatMap(({ runs }) => runs);
  }

  /** Resolves when it is so after something was heard. The test's own timeout ends it. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #heard(keep: () => unknown): void {
    keep();
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** A publication of one event; `number` counts the partition's. */
export function publicationOf(
  conversation: string,
  number: number,
  changes: Partial<Publication & PublishedRun> = {},
): Publication {
  const { tenant = "acme", topic = TOPIC, partition = 3, ownerEpoch = 1 } = changes;
  const { firstSeq = number, offsets = [number], events = [`{"n":${number}}`] } = changes;
  const run = { tenant, conversation, epoch: "e", firstSeq, offsets, events };
  return { topic, partition, ownerEpoch, number, runs: [run] };
}

export function beatOf(number: number, changes: Partial<Beat> = {}): Beat {
  return {
    topic: TOPIC,
    partition: 3,
    ownerEpoch: 1,
    number,
    publishedThrough: number,
    storedThrough: number,
    ...changes,
  };
}

/** Tells something again and again until it was heard: what is published while nobody hears is lost. */
export async function repeat(say: () => void, isHeard: () => boolean, everyMs = 20): Promise<void> {
  while (!isHeard()) {
    say();
    await Bun.sleep(everyMs);
  }
}
