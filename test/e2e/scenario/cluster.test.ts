import { afterAll, beforeAll, describe, test } from "bun:test";
import { TestCluster } from "../../support/cluster/test-cluster.ts";
import type { Place } from "./place.ts";
import { SCENES } from "./scenario.ts";

const START_MS = 120_000;

let cluster: TestCluster;
let place: Place;

beforeAll(async () => {
  cluster = await TestCluster.create();
  const home = await cluster.addTenant("acme", "large");
  const foreign = await cluster.addTenant("rival");
  const gateways = [await cluster.startGateway(), await cluster.startGateway()];
  await cluster.startConsumers();
  await cluster.startConsumers();
  place = {
    ports: gateways.map(({ url }) => Number(new URL(url).port)),
    tenants: [home.name, foreign.name],
    durability: "log",
  };
}, START_MS);

afterAll(() => cluster[Symbol.asyncDispose](), START_MS);

describe("cluster", () => {
  for (const scene of SCENES) test(scene.title, () => scene.play(place));
});
