/**
 * All readers of busy conversations drop at once, again and again, and come back within a second,
 * each with its cursor. Nothing may be missing or doubled to any of them.
 */
import { Crowd, newRun, type Run } from "./lib/crowd.ts";
import type { Member } from "./lib/member.ts";
import { resumeTime } from "./lib/metrics.ts";
import { optionsOf } from "./lib/options.ts";
import { readSettings } from "./lib/settings.ts";
import { Template } from "./lib/template.ts";

const ROUND_MS = 8_000;
/** Clients come back at random within this time, as the protocol asks of them. */
const JITTER_MS = 1_000;
/** No round begins so shortly before the end. */
const LAST_MS = 4_000;

const settings = readSettings("resume-storm");

export const options = optionsOf(settings.plan);

export const setup = (): Run => newRun();

export function run(data: Run): void {
  const { plan } = settings;
  const crowd = new Crowd(settings, data);
  // The first of each conversation sends and stays; the others have an epoch to come back to.
  const senders = crowd.rooms.flatMap(({ members }) => members.slice(0, 1));
  const readers = crowd.rooms.flatMap(({ members }) => members.slice(1));
  const frames = senders.map((member, i) =>
    Template.frames(crowd.origin(i), member.room.name, plan.perFrame),
  );
  let turn = 0;
  const send = (due: number): void => {
    const i = turn++ % senders.length;
    senders[i]?.send(frames[i] as Template, due);
  };
  crowd.open(senders, () => {
    const now = Date.now();
    for (let i = 0; i < senders.length; i++) send(now - senders.length + i);
    const first = setInterval(() => {
      if (!senders.every(({ reading }) => reading.received > 0)) return;
      clearInterval(first);
      crowd.open(readers, () => {
        crowd.drive(send);
        const end = Date.now() + (plan.warmUp + plan.seconds) * 1_000 - LAST_MS;
        const rounds = setInterval(
          () => {
            if (Date.now() > end) clearInterval(rounds);
            else for (const reader of readers) comeBack(reader);
          },
          Math.min(ROUND_MS, (plan.seconds * 1_000) / 2),
        );
      });
    }, 20);
  });
}

function comeBack(reader: Member): void {
  // Still on its way from the round before: that one's time is told when it gets there.
  if (!reader.isLive) return;
  reader.close();
  setTimeout(() => {
    const openedAt = Date.now();
    reader.open(() => resumeTime.add(Date.now() - openedAt));
  }, Math.random() * JITTER_MS);
}
