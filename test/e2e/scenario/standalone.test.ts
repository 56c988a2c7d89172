import { afterAll, beforeAll, describe, test } from "bun:test";
import { TestGateway } from "../../support/gateway/test-gateway.ts";
import type { Place } from "./place.ts";
import { SCENES } from "./scenario.ts";

let gateway: TestGateway;
let place: Place;

beforeAll(async () => {
  gateway = await TestGateway.start();
  place = { ports: [gateway.port], tenants: ["acme", "rival"], durability: "disk" };
});

afterAll(() => gateway[Symbol.asyncDispose]());

describe("standalone", () => {
  for (const scene of SCENES) test(scene.title, () => scene.play(place));
});
