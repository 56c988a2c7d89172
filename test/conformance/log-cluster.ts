import { describe, expect, test } from "bun:test";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { LogCluster, LogEnds } from "../../src/ports/log-cluster.ts";
import { codeOf } from "./message-store-kit.ts";

const PARTITIONS = 3;

/** A log whose brokers can be asked, and one whose brokers are away. */
export interface LogClusterHarness extends AsyncDisposable {
  /** A topic that exists only for the test. */
  topic(partitions: number): Promise<string>;
  readonly cluster: LogCluster;
  /** Asks brokers that are not there. */
  readonly away: LogCluster;
}

export interface LogEndsHarness extends Pick<LogClusterHarness, "topic">, AsyncDisposable {
  readonly log: Pick<EventLog, "append">;
  readonly ends: LogEnds;
}

export interface LogClusterLacks {
  /** Why the adapter tells of no disks. */
  readonly disks?: string;
}

/** Every sentence of the port `log-cluster`, for one adapter. */
export function logClusterConformance(
  name: string,
  create: () => Promise<LogClusterHarness>,
  lacks: LogClusterLacks = {},
): void {
  describe(`log-cluster: ${name}`, () => {
    test("tells the brokers, and where the copies of each partition are", async () => {
      await using harness = await create();
      const topic = await harness.topic(PARTITIONS);
      const { brokers, partitions } = await harness.cluster.state([topic, "nowhere"]);
      expect(brokers.length).toBeGreaterThan(0);
      expect(partitions.map((one) => [one.topic, one.partition])).toEqual(
        Array.from({ length: PARTITIONS }, (_, partition) => [topic, partition]),
      );
      for (const { leader, replicas, inSync } of partitions) {
        expect(brokers).toContain(leader);
        expect(replicas).toContain(leader);
        expect(new Set(inSync)).toEqual(new Set(replicas));
      }
    });

    const title = lacks.disks === undefined ? "each broker's disk" : `no disk: ${lacks.disks}`;
    test(`tells ${title}`, async () => {
      await using harness = await create();
      const { brokers } = await harness.cluster.state([await harness.topic(PARTITIONS)]);
      const disks = await harness.cluster.disks();
      expect(new Set(disks.map(({ broker }) => broker))).toEqual(
        new Set(lacks.disks === undefined ? brokers : []),
      );
      for (const { sizeBytes, freeBytes } of disks) expect(freeBytes).toBeWithin(1, sizeBytes);
    });

    test("says log_unavailable while no broker is there", async () => {
      await using harness = await create();
      expect(await codeOf(harness.away.state(["any"]))).toBe("log_unavailable");
    });
  });
}

/** Every sentence of the port `log-ends`, for one adapter. */
export function logEndsConformance(name: string, create: () => Promise<LogEndsHarness>): void {
  describe(`log-ends: ${name}`, () => {
    test("tells ends in the order that was asked for, and none where there is none", async () => {
      await using harness = await create();
      const topic = await harness.topic(PARTITIONS);
      await harness.log.append(topic, 1, [{ key: "k", headers: {}, value: "{}" }]);
      const at = (partition: number, of = topic) => ({ topic: of, partition });
      const asked = [at(1), at(0), at(0, "nowhere"), at(7)];
      expect(await harness.ends.ends(asked)).toEqual([1, 0, undefined, undefined]);
    });
  });
}
