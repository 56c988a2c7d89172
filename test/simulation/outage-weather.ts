import { chatTopic } from "../../src/topics.ts";
import { count } from "./stats.ts";
import type { World } from "./world.ts";

/** What goes wrong with the log in runs with an outbox. Each ends by itself. */
export function outageActions(world: World): readonly (readonly [number, () => void])[] {
  const { random, scheduler, trace, profile, outages, outbox } = world;
  const later = (ms: number, end: () => void): void => void scheduler.after(ms, end);

  const refuse = (name: string, ms: number): void => {
    count(name === "*" ? "log away" : "one partition of the log away");
    trace.add("log away", name, ms);
    outages.refused.add(name);
    later(ms, () => outages.refused.delete(name));
  };

  return [
    [4, () => refuse("*", random.between(100, 6_000))],
    [
      3,
      () => {
        const { name } = chatTopic(random.pick(["acme", "bolt"]), profile.partitions);
        refuse(`${name}/${random.int(profile.partitions)}`, random.between(100, 6_000));
      },
    ],
    [
      2,
      () => {
        count("log does not answer");
        trace.add("log does not answer");
        world.log.faults.holdFlush();
        later(random.between(100, 4_000), () => world.log.faults.releaseFlush());
      },
    ],
    [
      6,
      () => {
        const { name } = random.pick(world.hosts);
        const cut = random.pick(["requests", "answers"] as const);
        count(`process cut from the log: ${cut}`);
        trace.add("cut from the log", name, cut);
        outages.cuts.set(name, cut);
        later(random.between(200, 5_000), () => outages.cuts.delete(name));
      },
    ],
    [
      2,
      () => {
        const name = random.pick([...outbox.holders.keys(), ""]);
        // The database ended the session, and the publisher does not know it yet.
        if (outbox.holders.delete(name)) count("publisher lost its lock");
      },
    ],
    [
      4,
      () => {
        count("message submitted with a transaction");
        const tenant = random.pick(["acme", "bolt"]);
        world.submit({
          tenant,
          conversation: random.pick(profile.conversations),
          sender: "shop",
          key: random.uuidv7(),
          kind: "text",
          content: `{"of":"${tenant}","text":"é"}`,
        });
      },
    ],
  ];
}
