/** Services post messages, one a request, and sockets read them. */
import { Crowd, newRun, type Run } from "./lib/crowd.ts";
import { optionsOf } from "./lib/options.ts";
import { Posting } from "./lib/posting.ts";
import { readSettings } from "./lib/settings.ts";
import { Template } from "./lib/template.ts";

const settings = readSettings("http");

export const options = optionsOf(settings.plan);

export const setup = (): Run => newRun();

export function run(data: Run): void {
  const crowd = new Crowd(settings, data);
  const posting = new Posting(crowd, "application/json");
  const { rooms } = crowd;
  const bodies = rooms.map((_, i) => Template.message(crowd.origin(i)));
  let turn = 0;
  crowd.open(crowd.members, () => {
    crowd.drive((due) => {
      const i = turn++ % rooms.length;
      const room = rooms[i];
      const body = bodies[i];
      if (room === undefined || body === undefined) return;
      const path = `/v1/conversations/${room.name}/messages`;
      const took = (messages: number): void => void (room.acked += messages);
      posting.post({ path, body: body.make(due), messages: 1 }, due, () => 1, took);
    });
  });
}
