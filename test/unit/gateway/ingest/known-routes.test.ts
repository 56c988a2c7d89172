import { expect, test } from "bun:test";
import { KnownRoutes } from "../../../../gateway/ingest/known-routes.ts";
import type { Ingress, Route } from "../../../../gateway/ingress.ts";
import type { Session } from "../../../../gateway/session.ts";
import { limitsWith } from "../../../../src/limits.ts";

function sessionOf(tenant: string, user: string): Session {
  return { identity: { tenant, user }, tenant: { name: tenant } } as unknown as Session;
}

function setUp(max = 100) {
  let made = 0;
  const ingress: Pick<Ingress, "route"> = {
    route(tenant, sender, conversation) {
      made++;
      return { tenant, conversation, scope: sender } as unknown as Route;
    },
  };
  return { known: new KnownRoutes(ingress, max), made: () => made };
}

test("a place is worked out once, and is another one for each user and tenant", () => {
  const { known, made } = setUp();
  const sessions = [
    sessionOf("acme", "ana"),
    sessionOf("acme", "bob"),
    sessionOf("umbra", "ana"),
    // Names that would meet if they were only put together.
    sessionOf("acme", "ana/general"),
  ];
  const routes = sessions.map((session) => known.route(session, "general"));
  expect(new Set(routes).size).toBe(4);
  for (const [i, session] of sessions.entries())
    expect(known.route(session, "general")).toBe(routes[i] as Route);
  expect(made()).toBe(4);
});

test("a place of a tenant that was made anew is worked out again", () => {
  const { known } = setUp();
  const route = known.route(sessionOf("acme", "ana"), "general");
  const session = sessionOf("acme", "ana");
  expect(known.route(session, "general")).not.toBe(route);
  expect(known.route(session, "general").tenant).toBe(session.tenant);
  expect(known.count).toBe(1);
});

test("only so many places are known: ingestKnownRoutesMax", () => {
  const { ingestKnownRoutesMax } = limitsWith();
  expect(ingestKnownRoutesMax).toBeGreaterThan(1_000);
  const { known } = setUp(10);
  const session = sessionOf("acme", "ana");
  for (let i = 0; i < 1_000; i++) {
    known.route(session, `room-${i}`);
    expect(known.count).toBeLessThanOrEqual(10);
  }
});
