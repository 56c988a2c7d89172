/** Sockets in small rooms send frames of one or many messages by the clock, and read each other. */
import { Crowd, newRun, type Run } from "./lib/crowd.ts";
import { optionsOf } from "./lib/options.ts";
import { readSettings } from "./lib/settings.ts";
import { Template } from "./lib/template.ts";

const settings = readSettings("normal");

export const options = optionsOf(settings.plan);

export const setup = (): Run => newRun();

export function run(data: Run): void {
  const crowd = new Crowd(settings, data);
  const { members } = crowd;
  const frames = members.map((member, i) =>
    Template.frames(crowd.origin(i), member.room.name, settings.plan.perFrame),
  );
  let turn = 0;
  crowd.open(members, () => {
    crowd.drive((due) => {
      const i = turn++ % members.length;
      members[i]?.send(frames[i] as Template, due);
    });
  });
}
