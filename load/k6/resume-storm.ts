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
const QUIET_END_MS = 4_000;

const settings = readSettings("resume-storm");

export const options = optionsOf(settings.plan);

export const setup = (): Run => newRun();

export function run(data: Run): void {
  const { plan } = settings;
  const crowd = new Crowd(settings, data);
  // The first of each conversation sends and stays; the others have an epoch to come back to.
  const isSender = (i: number): boolean => i % plan.roomSize === 0;
  const senders = crowd.members.filter((_, i) => isSender(i));
  const readers = crowd.members.filter((_, i) => !isSender(i));
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
    const isRead = (): boolean => senders.every(({ reading }) => reading.received > 0);
    crowd.when(isRead, "the first messages", () => {
      crowd.open(readers, () => {
        crowd.drive(send);
        storm(readers);
      });
    });
  });
}

/** Rounds of dropping and coming back until shortly before the end. */
function storm(readers: readonly Member[]): void {
  const { warmUp, seconds } = settings.plan;
  const length = seconds * 1_000;
  const end = Date.now() + warmUp * 1_000 + length - Math.min(QUIET_END_MS, length / 3);
  const rounds = setInterval(
    () => {
      if (Date.now() > end) clearInterval(rounds);
      else for (const reader of readers) comeBack(reader);
    },
    Math.min(ROUND_MS, length / 3),
  );
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
