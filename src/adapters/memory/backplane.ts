import type {
  Backplane,
  BackplaneListener,
  BackplaneMember,
  Beat,
  Publication,
  Refusal,
} from "../../ports/backplane.ts";
import { LinedRun } from "./lined-run.ts";

/**
 * Hands publications to every member in the same process, at once, with the lines that readers get for
 * whoever asks. Loses nothing by itself; the simulation wraps it with faults.
 */
export function createMemoryBackplane(): Backplane {
  const listeners = new Set<BackplaneListener>();
  const answers = new Map<string, () => Beat>();
  const partitionName = (topic: string, partition: number) => `${topic}/${partition}`;

  return {
    publish(publication: Publication) {
      const lined = { ...publication, runs: publication.runs.map((run) => new LinedRun(run)) };
      for (const listener of listeners) listener.publication(lined);
    },
    beat(beat: Beat) {
      for (const listener of listeners) listener.beat(beat);
    },
    refuse(refusal: Refusal) {
      for (const listener of listeners) listener.refusal(refusal);
    },
    answerBeats(topic, partition, current) {
      const name = partitionName(topic, partition);
      answers.set(name, current);
      return () => {
        if (answers.get(name) === current) answers.delete(name);
      };
    },
    attach(listener): BackplaneMember {
      listeners.add(listener);
      return {
        // Everything is heard from the start: a listener knows best what it does not read.
        join: () => Promise.resolve(),
        leave: () => {},
        joinUser: () => {},
        leaveUser: () => {},
        askBeat(topic, partition) {
          const current = answers.get(partitionName(topic, partition));
          if (current !== undefined) listener.beat(current());
        },
        close() {
          listeners.delete(listener);
          return Promise.resolve();
        },
      };
    },
    close() {
      listeners.clear();
      answers.clear();
      return Promise.resolve();
    },
  };
}
