import type { BackplaneListener, PublishedRun } from "../../ports/backplane.ts";
import type { Fabric } from "./fabric.ts";
import { decodeBeat, decodePublication, type LaneBeat, type LaneMessage } from "./frame.ts";
import { Hearing } from "./hearing.ts";
import { laneOf } from "./names.ts";

/** What one listener reads in one partition. */
interface Part {
  readonly listener: BackplaneListener;
  /** Conversation → times joined. */
  readonly joined: Map<string, number>;
  ownerEpoch: number;
  /** The number last told: counts what this listener was told, with a jump for what was missed. */
  number: number;
}

const SEPARATOR = "\u0000";

/**
 * One partition as this process hears it: the lanes of the conversations that somebody joined, and the
 * beats. Listeners get numbers without holes over what concerns them, as if it were all there is.
 */
export class Listening {
  readonly #fabric: Fabric;
  readonly #topic: string;
  readonly #partition: number;
  readonly #lanes: number;
  readonly #tag: number;
  readonly #beats: string;
  readonly #hearing = new Hearing();
  /** Kept while the listener lives: its numbers must go on where they were. */
  readonly #parts = new Map<BackplaneListener, Part>();
  /** Lane → conversations joined on it. */
  readonly #uses = new Map<number, number>();

  constructor(fabric: Fabric, topic: string, partition: number, lanes: number) {
    this.#fabric = fabric;
    this.#topic = topic;
    this.#partition = partition;
    this.#lanes = lanes;
    this.#tag = fabric.names.partitionTag(topic, partition);
    this.#beats = fabric.names.beats(this.#tag, topic, partition);
  }

  async join(listener: BackplaneListener, tenant: string, conversation: string): Promise<void> {
    const part = this.#partOf(listener);
    const key = tenant + SEPARATOR + conversation;
    part.joined.set(key, (part.joined.get(key) ?? 0) + 1);
    const lane = laneOf(tenant, conversation, this.#lanes);
    this.#uses.set(lane, (this.#uses.get(lane) ?? 0) + 1);
    this.#hearing.begin(lane);
    await Promise.all([
      this.#fabric.listen(this.#tag, this.#laneName(lane), {
        hear: (bytes) => this.#publication(lane, bytes),
        cut: () => this.#hearing.cut(lane),
        gone: () => this.#hearing.end(lane),
      }),
      this.#listenToBeats(),
    ]);
  }

  /** Hears the beats for a while, whether or not anything is joined. */
  async visit(listener: BackplaneListener): Promise<void> {
    this.#partOf(listener);
    const listening = this.#listenToBeats();
    if (this.#uses.size === 0) this.#fabric.leave(this.#beats);
    await listening;
  }

  leave(listener: BackplaneListener, tenant: string, conversation: string): void {
    const part = this.#parts.get(listener);
    const key = tenant + SEPARATOR + conversation;
    const times = part?.joined.get(key);
    if (part === undefined || times === undefined) return;
    if (times > 1) part.joined.set(key, times - 1);
    else part.joined.delete(key);
    const lane = laneOf(tenant, conversation, this.#lanes);
    this.#release(lane, 1);
  }

  /** The listener is gone, with all that it joined. */
  forget(listener: BackplaneListener): void {
    const part = this.#parts.get(listener);
    if (part === undefined) return;
    this.#parts.delete(listener);
    for (const [key, times] of part.joined) {
      const at = key.indexOf(SEPARATOR);
      this.#release(laneOf(key.slice(0, at), key.slice(at + 1), this.#lanes), times);
    }
  }

  #partOf(listener: BackplaneListener): Part {
    let part = this.#parts.get(listener);
    if (part === undefined) {
      part = { listener, joined: new Map<string, number>(), ownerEpoch: -1, number: 0 };
      this.#parts.set(listener, part);
    }
    return part;
  }

  #listenToBeats(): Promise<void> {
    const hear = (bytes: Buffer) => this.#beat(bytes.toString());
    return this.#fabric.listen(this.#tag, this.#beats, { hear, cut: () => {}, gone: () => {} });
  }

  #release(lane: number, times: number): void {
    const uses = (this.#uses.get(lane) ?? 0) - times;
    if (uses > 0) this.#uses.set(lane, uses);
    else {
      this.#uses.delete(lane);
      this.#fabric.leave(this.#laneName(lane));
      if (this.#uses.size === 0) this.#fabric.leave(this.#beats);
    }
  }

  #laneName(lane: number): string {
    return this.#fabric.names.lane(this.#tag, this.#topic, this.#partition, lane);
  }

  #publication(lane: number, bytes: Buffer): void {
    const message = decodePublication(bytes, (tenant, conversation) => {
      const key = tenant + SEPARATOR + conversation;
      for (const part of this.#parts.values()) if (part.joined.has(key)) return true;
      return false;
    });
    if (message === undefined) {
      this.#fabric.metrics.foreign.value++;
      return;
    }
    const missed = this.#hearing.hear(lane, message);
    for (const part of this.#parts.values()) this.#tell(part, message, missed);
  }

  #tell(part: Part, message: LaneMessage, missed: boolean): void {
    const { ownerEpoch, runs } = message;
    const own = this.#parts.size === 1 ? runs : runs.filter((run) => joinedBy(part, run));
    if (own.length === 0 && !missed) return;
    if (ownerEpoch > part.ownerEpoch) this.#renew(part, message);
    else if (ownerEpoch === part.ownerEpoch) part.number += missed ? 2 : 1;
    const { number } = part;
    const { listener } = part;
    const [topic, partition] = [this.#topic, this.#partition];
    listener.publication({ topic, partition, ownerEpoch, number, runs: own });
  }

  #beat(text: string): void {
    const beat = decodeBeat(text, this.#lanes);
    if (beat === undefined) {
      this.#fabric.metrics.foreign.value++;
      return;
    }
    const missed = this.#hearing.beat(beat);
    const { ownerEpoch, publishedThrough, storedThrough } = beat;
    const [topic, partition] = [this.#topic, this.#partition];
    for (const part of this.#parts.values()) {
      if (ownerEpoch > part.ownerEpoch) this.#renew(part, beat);
      else if (missed) part.number++;
      const { number } = part;
      part.listener.beat({
        topic,
        partition,
        ownerEpoch,
        number,
        publishedThrough,
        storedThrough,
      });
    }
  }

  /** Another owner: listeners check everything then, so that its count is as good as any. */
  #renew(part: Part, heard: LaneMessage | LaneBeat): void {
    part.ownerEpoch = heard.ownerEpoch;
    part.number = heard.number;
  }
}

function joinedBy(part: Part, run: PublishedRun): boolean {
  return part.joined.has(run.tenant + SEPARATOR + run.conversation);
}
