import { expect, test } from "bun:test";
import type { Cluster } from "../../src/adapters/kafka/consumer-cluster.ts";
import type { FetchFeed } from "../../src/adapters/kafka/fetch-feed.ts";
import { FetchLane } from "../../src/adapters/kafka/fetch-lane.ts";
import { SteppedClock } from "../support/stepped-clock.ts";

/** A lane to a broker that refuses every connection; `asked` has when it was tried. */
function laneToNobody() {
  const clock = new SteppedClock();
  const asked: number[] = [];
  const feed = { key: "id/0", topicId: "id", partition: 0, offset: 0 };
  const link = {
    call: () => {
      asked.push(clock.monotonic());
      return Promise.reject(new Error("connect ECONNREFUSED"));
    },
  };
  let failures = 0;
  const lane = new FetchLane({
    node: 1,
    cluster: { link: () => link, drop: () => {} } as unknown as Cluster,
    clock,
    waitMs: 500,
    answerTimeoutMs: 2_000,
    spacingMs: 2,
    spacingMsPerPartition: 0,
    bytesMax: 1_000,
    partitionBytesMax: 1_000,
    take: () => ({ feeds: [feed as unknown as FetchFeed] }),
    fetched: () => {},
    answered: () => {},
    failed: () => failures++,
  });
  return { clock, asked, lane, failures: () => failures };
}

test("a lane whose broker is dead asks for the partitions' leaders four times a second", async () => {
  const { clock, asked, lane, failures } = laneToNobody();
  await clock.advance(10_000);
  expect(failures()).toBe(asked.length);
  const waits = asked.slice(1).map((at, i) => at - (asked[i] as number));
  expect(waits.slice(0, 3)).toEqual([50, 100, 200]);
  expect(new Set(waits.slice(3))).toEqual(new Set([250]));
  lane.close();
});
