/** Sockets connect and subscribe by the clock, each to a conversation of its own, and stay. */
import { Crowd, newRun, type Run } from "./lib/crowd.ts";
import { connectTime } from "./lib/metrics.ts";
import { optionsOf } from "./lib/options.ts";
import { readSettings } from "./lib/settings.ts";
import { Template } from "./lib/template.ts";

const settings = readSettings("connect-storm");

export const options = optionsOf(settings.plan);

export const setup = (): Run => newRun();

/** Each socket sends one message and has to get it back: that it is connected is not enough. */
export function run(data: Run): void {
  const { plan } = settings;
  const rising = plan.warmUp * plan.peakRate;
  const crowd = new Crowd(settings, data, Math.ceil((plan.messages + rising) / plan.vus) + 1);
  const { book, members } = crowd;
  let turn = 0;
  crowd.drive((due) => {
    const i = turn++;
    const member = members[i];
    if (member === undefined) return;
    member.open(() => {
      const now = Date.now();
      if (due >= book.measureFrom) connectTime.add(now - due);
      member.send(Template.frames(crowd.origin(i), member.room.name, 1), now);
    });
  });
}
