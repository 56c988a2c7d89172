import type { Beat, Publication, PublishedRun, Refusal } from "../../ports/backplane.ts";
import type { Fabric } from "./fabric.ts";
import { FrameWriter } from "./frame-writer.ts";
import { encodeBeat, encodeRefusal } from "./frame.ts";
import type { KeptRefusals } from "./kept-refusals.ts";
import { laneOf } from "./names.ts";

/** What a worker has said in one partition since it owns it. */
interface Voice {
  readonly tag: number;
  readonly beats: string;
  readonly lanes: readonly string[];
  ownerEpoch: number;
  /** Last number of each lane. */
  counts: number[];
}

/** Users of one tenant share this many channels for the words to them. */
export const USER_SLOTS = 256;

/** Of a reader's line, around the event and the conversation's name. */
const PUSH_CHARS = 60;

/** The sending side: splits a fold by lane, and counts each lane's messages, also those it must drop. */
export class Publisher {
  readonly #fabric: Fabric;
  readonly #lanes: number;
  readonly #charsMax: number;
  readonly #refusals: KeptRefusals;
  readonly #voices = new Map<string, Voice>();
  readonly #writer = new FrameWriter();

  constructor(fabric: Fabric, lanes: number, charsMax: number, refusals: KeptRefusals) {
    this.#fabric = fabric;
    this.#lanes = lanes;
    this.#charsMax = charsMax;
    this.#refusals = refusals;
  }

  publish(publication: Publication): void {
    const { topic, partition, ownerEpoch, runs } = publication;
    const voice = this.#voice(topic, partition, ownerEpoch);
    if (this.#lanes === 1) {
      this.#publishLane(publication, voice, 0, runs);
      return;
    }
    const byLane = new Map<number, PublishedRun[]>();
    for (const run of runs) {
      const lane = laneOf(run.tenant, run.conversation, this.#lanes);
      const list = byLane.get(lane);
      if (list === undefined) byLane.set(lane, [run]);
      else list.push(run);
    }
    for (const [lane, list] of byLane) this.#publishLane(publication, voice, lane, list);
  }

  beat(beat: Beat): void {
    const voice = this.#voice(beat.topic, beat.partition, beat.ownerEpoch);
    // An owner that was replaced here by a later one has nothing true to say of the numbers.
    const counts = voice.ownerEpoch === beat.ownerEpoch ? voice.counts : this.#noCounts();
    this.#fabric.send(voice.tag, voice.beats, encodeBeat(beat, counts));
  }

  refuse(refusal: Refusal): void {
    const { tag, name } = this.#fabric.names.user(refusal.tenant, refusal.user, USER_SLOTS);
    this.#refusals.say(tag, name, encodeRefusal(refusal));
  }

  #publishLane(
    publication: Publication,
    voice: Voice,
    lane: number,
    runs: readonly PublishedRun[],
  ): void {
    const writer = this.#writer;
    const flush = (): void => {
      if (writer.length === 0) return;
      const { ownerEpoch, number } = publication;
      const head = { ownerEpoch, number, count: this.#count(voice, lane) };
      this.#fabric.send(voice.tag, voice.lanes[lane] as string, writer.take(head));
    };
    const lost = (): void => {
      this.#fabric.metrics.dropped.unencodable.value++;
      // Listeners see by the lane's number that something is missing.
      this.#count(voice, lane);
    };
    for (const run of runs)
      for (const [from, to, size] of partsOf(run, this.#charsMax)) {
        if (writer.length + size > this.#charsMax) flush();
        if (!writer.run(run, from, to)) lost();
      }
    flush();
  }

  #count(voice: Voice, lane: number): number {
    const count = (voice.counts[lane] ?? 0) + 1;
    voice.counts[lane] = count;
    return count;
  }

  #voice(topic: string, partition: number, ownerEpoch: number): Voice {
    const key = `${topic}/${partition}`;
    let voice = this.#voices.get(key);
    if (voice === undefined) {
      const { names } = this.#fabric;
      const tag = names.partitionTag(topic, partition);
      const lanes = Array.from({ length: this.#lanes }, (_, lane) =>
        names.lane(tag, topic, partition, lane),
      );
      const beats = names.beats(tag, topic, partition);
      voice = { tag, beats, lanes, ownerEpoch, counts: this.#noCounts() };
      this.#voices.set(key, voice);
    }
    if (ownerEpoch > voice.ownerEpoch) {
      voice.ownerEpoch = ownerEpoch;
      voice.counts = this.#noCounts();
    }
    return voice;
  }

  #noCounts(): number[] {
    return Array.from({ length: this.#lanes }, () => 0);
  }
}

/** Ranges of a run's events that fit a message, with their size; an event that fits none goes alone. */
function* partsOf(
  run: PublishedRun,
  charsMax: number,
): Generator<readonly [from: number, to: number, size: number]> {
  const { packed } = run;
  const events = packed === undefined ? run.events : [];
  const count = packed?.length ?? events.length;
  const around = run.conversation.length + PUSH_CHARS;
  let from = 0;
  let chars = 0;
  for (let i = 0; i < count; i++) {
    const length = around + (packed?.[i]?.eventBytes ?? (events[i] as string).length);
    if (i > from && chars + length > charsMax) {
      yield [from, i, chars];
      from = i;
      chars = 0;
    }
    chars += length;
  }
  if (count > from) yield [from, count, chars];
}
