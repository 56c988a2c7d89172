import { expect, test } from "bun:test";
import { Health } from "../../src/health.ts";

function setUp() {
  const faults: Record<string, string | undefined> = {};
  const health = new Health(["store", "voice"]);
  for (const name of ["store", "voice", "log"]) health.add(name, () => faults[name]);
  return { faults, health };
}

test("is ready when nothing is missing, and says what is", () => {
  const { faults, health } = setUp();
  expect(health.ready()).toEqual({
    status: "ready",
    checks: { store: "ok", voice: "ok", log: "ok" },
  });
  faults["log"] = "is away";
  expect(health.ready()).toEqual({
    status: "not_ready",
    checks: { store: "ok", voice: "ok", log: "is away" },
  });
});

test("a part that is needed at first makes it not ready until all were there once", () => {
  const { faults, health } = setUp();
  faults["store"] = "is away";
  expect(health.ready().status).toBe("not_ready");
  faults["store"] = undefined;
  faults["voice"] = "is away too";
  expect(health.ready()).toMatchObject({
    status: "not_ready",
    checks: { voice: "is away too" },
  });
});

test("once all were there, such a part only degrades it, and others still count", () => {
  const { faults, health } = setUp();
  health.ready();
  Object.assign(faults, { store: "is away", voice: "is away" });
  expect(health.ready()).toEqual({
    status: "ready",
    checks: { store: "degraded: is away", voice: "degraded: is away", log: "ok" },
  });
  faults["log"] = "is away";
  expect(health.ready().status).toBe("not_ready");
});

test("a check that throws is a part that is missing", () => {
  const { health } = setUp();
  health.add("log", () => {
    throw new Error("cannot look");
  });
  expect(health.ready()).toMatchObject({ status: "not_ready", checks: { log: "cannot look" } });
});

test("a process that drains is not ready, whatever is there", () => {
  const { health } = setUp();
  expect(health.ready().status).toBe("ready");
  health.drain();
  expect(health.ready().status).toBe("draining");
});
