import { describe, expect, test } from "bun:test";
import type { Backplane, Beat, Publication, Refusal } from "../../src/ports/backplane.ts";
import { plainRun } from "../support/plain-run.ts";

type Heard =
  | { readonly publication: Publication }
  | { readonly beat: Beat }
  | { readonly refusal: Refusal }
  | "interrupted";

/** A member that keeps what it hears and lets a test wait for it. */
class Ear {
  readonly heard: Heard[] = [];
  readonly member;
  #waiting: (() => void)[] = [];

  constructor(backplane: Backplane) {
    this.member = backplane.attach({
      publication: (publication) => this.#hear({ publication }),
      beat: (beat) => this.#hear({ beat }),
      refusal: (refusal) => this.#hear({ refusal }),
      interrupted: () => this.#hear("interrupted"),
    });
  }

  #hear(heard: Heard): void {
    this.heard.push(heard);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async until<T>(find: (heard: Heard) => T | undefined): Promise<T> {
    for (;;) {
      for (const heard of this.heard) {
        const found = find(heard);
        if (found !== undefined) return found;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  publicationOf(conversation: string): Promise<Publication> {
    return this.until((heard) =>
      heard !== "interrupted" &&
      "publication" in heard &&
      heard.publication.runs.some((run) => run.conversation === conversation)
        ? heard.publication
        : undefined,
    );
  }
}

const TOPIC = "chat.messages.acme";

function publication(conversation: string, tenant = "acme"): Publication {
  const run = {
    tenant,
    conversation,
    epoch: "e1",
    firstSeq: 7,
    offsets: [41, 43],
    events: ['{"id":"a","content":{"text":"é\\u0000 😀 \\ud83d"}}', '{"id":"b"}'],
    traces: [{ index: 1, traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` }],
  };
  return { topic: TOPIC, partition: 3, ownerEpoch: 2, number: 5, runs: [run] };
}

const beat: Beat = {
  topic: TOPIC,
  partition: 3,
  ownerEpoch: 2,
  number: 5,
  publishedThrough: 44,
  storedThrough: 40,
};

/** Every sentence of the port `backplane`, for one adapter that nothing disturbs. */
export function backplaneConformance(name: string, create: () => Promise<Backplane>): void {
  describe(`backplane: ${name}`, () => {
    test("brings a publication to every member that joined, unaltered", async () => {
      const backplane = await create();
      const ears = [new Ear(backplane), new Ear(backplane)];
      for (const ear of ears) await ear.member.join("acme", "general", TOPIC, 3);
      backplane.publish(publication("general"));
      for (const ear of ears) {
        const { runs, ...heard } = await ear.publicationOf("general");
        const { runs: said, ...rest } = publication("general");
        expect(heard).toEqual(rest);
        expect(runs.map(plainRun)).toEqual([...said]);
      }
      await backplane.close();
    });

    test("brings the beats of a joined conversation's partition", async () => {
      const backplane = await create();
      const ear = new Ear(backplane);
      await ear.member.join("acme", "general", TOPIC, 3);
      backplane.beat(beat);
      const heard = await ear.until((one) =>
        one !== "interrupted" && "beat" in one ? one.beat : undefined,
      );
      expect(heard).toEqual(beat);
      await backplane.close();
    });

    test("answers who asks for a beat with the worker's present one, until it stops answering", async () => {
      const backplane = await create();
      const ear = new Ear(backplane);
      await ear.member.join("acme", "general", TOPIC, 3);
      let asked = 0;
      const stop = backplane.answerBeats(TOPIC, 3, () => {
        asked++;
        return beat;
      });
      ear.member.askBeat(TOPIC, 3);
      await ear.until((one) => (one !== "interrupted" && "beat" in one ? one.beat : undefined));
      expect(asked).toBe(1);
      stop();
      ear.member.askBeat(TOPIC, 3);
      ear.member.askBeat(TOPIC, 4);
      backplane.publish(publication("general"));
      await ear.publicationOf("general");
      expect(asked).toBe(1);
      await backplane.close();
    });

    test("brings the beat that was asked for to a member that reads nothing there", async () => {
      const backplane = await create();
      const ear = new Ear(backplane);
      const other = { ...beat, partition: 5 };
      const stop = backplane.answerBeats(TOPIC, 5, () => other);
      // An answerer need not be heard from its first moment on.
      for (let heard: unknown; heard === undefined;) {
        ear.member.askBeat(TOPIC, 5);
        heard = await Promise.race([
          ear.until((one) => (one !== "interrupted" && "beat" in one ? one.beat : undefined)),
          Bun.sleep(100),
        ]);
      }
      stop();
      await backplane.close();
    });

    test("brings a refusal to the members where the user is", async () => {
      const backplane = await create();
      const ear = new Ear(backplane);
      ear.member.joinUser("acme", "ana");
      const refusal: Refusal = {
        tenant: "acme",
        user: "ana",
        conversation: "general",
        key: "k",
        message: "m",
        code: "key_conflict",
        origin: "chat.messages.acme/3/41",
      };
      // Joining a user has no answer: a conversation's join after it shows that it is done.
      await ear.member.join("acme", "general", TOPIC, 3);
      backplane.refuse(refusal);
      const heard = await ear.until((one) =>
        one !== "interrupted" && "refusal" in one ? one.refusal : undefined,
      );
      expect(heard).toEqual(refusal);
      await backplane.close();
    });

    test("keeps the tenant of a conversation that another tenant has too", async () => {
      const backplane = await create();
      const ear = new Ear(backplane);
      await ear.member.join("acme", "general", TOPIC, 3);
      backplane.publish(publication("general", "rival"));
      backplane.publish(publication("general", "acme"));
      await ear.until((one) =>
        one !== "interrupted" && "publication" in one && one.publication.runs[0]?.tenant === "acme"
          ? one
          : undefined,
      );
      for (const one of ear.heard) {
        if (one === "interrupted" || !("publication" in one)) continue;
        const [run] = one.publication.runs;
        expect(["acme", "rival"]).toContain(run?.tenant ?? "");
      }
      await backplane.close();
    });

    test("tells a member that has closed nothing more", async () => {
      const backplane = await create();
      const [left, stays] = [new Ear(backplane), new Ear(backplane)];
      for (const ear of [left, stays]) await ear.member.join("acme", "general", TOPIC, 3);
      await left.member.close();
      backplane.publish(publication("general"));
      await stays.publicationOf("general");
      expect(left.heard).toEqual([]);
      await backplane.close();
    });

    test("drops what is published when nobody listens or after it is closed", async () => {
      const backplane = await create();
      expect(() => backplane.publish(publication("general"))).not.toThrow();
      await backplane.close();
      expect(() => backplane.publish(publication("general"))).not.toThrow();
    });
  });
}
