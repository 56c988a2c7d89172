import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Generator } from "../../load/native/generator.ts";
import { RunNames } from "../../load/native/key.ts";
import { noFaults } from "../../load/native/ledger.ts";
import { type TidegateMember, TidegateProtocol } from "../../load/native/tidegate.ts";
import type { ClusterProgram } from "../support/cluster/cluster-program.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { trust } from "../support/gateway/trust.ts";
import { until } from "../support/gateway/until.ts";

const TIMEOUT_MS = 90_000;
const WAIT_MS = 30_000;

describe("in a cluster", () => {
  let cluster: TestCluster;
  let gateway: ClusterProgram;

  beforeAll(async () => {
    cluster = await TestCluster.create();
    await cluster.startConsumers();
    gateway = await cluster.startGateway({ TIDEGATE_SENDS_PER_SECOND_PER_CONNECTION: "20000" });
  }, TIMEOUT_MS);
  afterAll(() => cluster[Symbol.asyncDispose](), TIMEOUT_MS);

  const addTenant = async (word: string, perSecond: number): Promise<string> => {
    const { name } = await cluster.addTenant(word);
    await cluster.tenants("limits", name, "--sends-per-second", String(perSecond));
    return name;
  };
  /** Clients of one tenant, whose ledger knows each message, its place and who read it. */
  const clientsOf = (tenant: string): Generator<TidegateMember> => {
    const names = new RunNames();
    const { hostname, port } = new URL(gateway.url);
    const addresses = [{ hostname, port: Number(port) }];
    const token = (user: string): Promise<string> => trust.token({ tenant, user });
    return new Generator({ addresses, token, names }, new TidegateProtocol(names));
  };
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${gateway.url}/metrics`)).text();
    const line = text.split("\n").find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length));
  };

  test(
    "a reader that does not read is demoted, holds up nobody, and ends complete",
    async () => {
      const clients = clientsOf(await addTenant("slow", 50_000));
      await clients.connect({ sockets: 4, roomSize: 4 });
      const slow = await clients.join();
      const reading = await clients.subscribe(slow, 0);
      slow.socket.pause();
      clients.openLoop(10_000, 20);
      // More than the kernel's buffers and the gateway's queue take for a socket.
      await until(
        "it is demoted",
        async () => (await metric("tidegate_relay_demoted_total")) > 0,
        WAIT_MS,
      );
      const { seen } = reading.room;
      await until("the others read on", () => reading.room.seen > seen + 10_000, WAIT_MS);
      expect(reading.lastSeq).toBeLessThan(seen);
      slow.socket.resume();
      expect(await clients.settle()).toEqual(noFaults());
      expect(reading.lags).toBeGreaterThan(0);
      expect(reading.lastSeq).toBe(reading.room.seen);
      clients.close();
    },
    TIMEOUT_MS,
  );

  test(
    "a room of many and rooms of two lose nothing beside each other",
    async () => {
      const name = await addTenant("huge", 50_000);
      const crowd = clientsOf(name);
      const pairs = clientsOf(name);
      await crowd.connect({ sockets: 500, roomSize: 500, sendersPerRoom: 5 });
      await pairs.connect({ sockets: 40, roomSize: 2 });
      const loops = [crowd.closedLoop(1, 4, 15), pairs.closedLoop(2, 2, 100)];
      await until("all is sent", () => loops.every(({ isRunning }) => !isRunning), WAIT_MS);
      expect(await crowd.settle()).toEqual(noFaults());
      expect(await pairs.settle()).toEqual(noFaults());
      expect(crowd.ledger.delivered).toBe(500 * 5 * 15 * 4);
      expect(pairs.ledger.delivered).toBe(2 * 40 * 100 * 2);
      crowd.close();
      pairs.close();
    },
    TIMEOUT_MS,
  );

  test(
    "a tenant that sends far beyond its rate is refused, and its neighbour is not",
    async () => {
      const quiet = clientsOf(await addTenant("quiet", 1_000));
      const noisy = clientsOf(await addTenant("noisy", 200));
      await quiet.connect({ sockets: 4, roomSize: 2 });
      await noisy.connect({ sockets: 10, roomSize: 2 });
      noisy.openLoop(10_000, 20);
      const isLimited = () => (noisy.ledger.refusals.get("rate_limited") ?? 0) > 1_000;
      await until("the noisy one is limited", isLimited, WAIT_MS);
      const loop = quiet.closedLoop(1, 1, 50);
      await until("the quiet one has sent all", () => !loop.isRunning, WAIT_MS);
      expect(await quiet.settle()).toEqual(noFaults());
      expect(quiet.ledger.delivered).toBe(2 * 4 * 50);
      const faults = await noisy.settle();
      expect({ ...faults, refused: 0 }).toEqual(noFaults());
      expect([...noisy.ledger.refusals.keys()]).toEqual(["rate_limited"]);
      expect(noisy.ledger.acked).toBeGreaterThan(0);
      expect(faults.refused).toBeGreaterThan(noisy.ledger.acked);
      quiet.close();
      noisy.close();
    },
    TIMEOUT_MS,
  );
});
