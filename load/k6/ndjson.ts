/** Services stream events to `POST /v1/events`, hundreds of lines a request, and sockets read them. */
import { Crowd, newRun, type Run } from "./lib/crowd.ts";
import { optionsOf } from "./lib/options.ts";
import { Posting } from "./lib/posting.ts";
import { readSettings } from "./lib/settings.ts";
import { Template } from "./lib/template.ts";

const settings = readSettings("100k-ndjson");

export const options = optionsOf(settings.plan);

export const setup = (): Run => newRun();

export function run(data: Run): void {
  const crowd = new Crowd(settings, data);
  const posting = new Posting(crowd, "application/x-ndjson");
  const { rooms } = crowd;
  const { perFrame } = settings.plan;
  const names = rooms.map(({ name }) => name);
  // Requests of one tick have one time: several senders take turns to keep their keys apart.
  const bodies = rooms.map((_, i) => Template.events(crowd.origin(i), names, perFrame));
  let turn = 0;
  crowd.open(crowd.members, () => {
    crowd.drive((due) => {
      const body = bodies[turn++ % bodies.length];
      if (body === undefined) return;
      const request = { path: "/v1/events", body: `${body.make(due)}\n`, messages: perFrame };
      posting.post(
        request,
        due,
        (response) => keptOf(response.body),
        // Which lines are missing is not said here: rather a loss too few than one too many.
        (kept) => {
          for (const room of rooms) room.acked += Math.floor(kept / rooms.length);
        },
      );
    });
  });
}

interface Answer {
  readonly kept: readonly { readonly count: number }[];
}

/** Lines that the answer says are kept. */
function keptOf(text: string): number {
  return (JSON.parse(text) as Answer).kept.reduce((sum, { count }) => sum + count, 0);
}
