import type { Client } from "../../../src/client/client.ts";
import { createClient, type ClientOptions, type Item } from "../../../src/client/tidegate.ts";
import { FakeNetwork, FakeServer } from "./fake-server.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** A client, the server it talks to, and their common clock. */
export interface Bench {
  readonly clock: VirtualClock;
  readonly server: FakeServer;
  readonly network: FakeNetwork;
  readonly client: Client;
}

/** @param seed makes the client's jitter and keys repeatable */
export function clientBench(options: Partial<ClientOptions> = {}, seed = 1): Bench {
  const clock = new VirtualClock();
  const server = new FakeServer(clock);
  const network = new FakeNetwork();
  let state = seed;
  let keys = 0;
  const random = {
    next: (): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return state / 2_147_483_648;
    },
    uuidv7: (): string => `0190a000-0000-7000-8000-${String(++keys).padStart(12, "0")}`,
  };
  const { transport } = server;
  const defaults = { url: "ws://fake/v1/socket", token: "t0", transport, clock, random, network };
  return { clock, server, network, client: createClient({ ...defaults, ...options }) };
}

/** The seqs of the events among some items. */
export function seqsOf(items: readonly Item[]): number[] {
  return items.flatMap((item) => (item.type === "event" ? [item.seq] : []));
}

/** The numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
