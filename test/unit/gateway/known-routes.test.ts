import { expect, test } from "bun:test";
import { KnownRoutes } from "../../../gateway/known-routes.ts";
import type { Route } from "../../../gateway/route.ts";
import type { TenantState } from "../../../gateway/tenant-state.ts";
import { limitsWith } from "../../../src/limits.ts";

const tenantOf = (name: string) => ({ name }) as unknown as TenantState;

function setUp(max = 100) {
  let made = 0;
  const workOut = (tenant: TenantState, sender: string, conversation: string): Route => {
    made++;
    return { tenant, conversation, idEnd: `.${sender}` } as unknown as Route;
  };
  return { known: new KnownRoutes(workOut, max), made: () => made };
}

test("a place is worked out once, and is another one for each user and tenant", () => {
  const { known, made } = setUp();
  const [acme, umbra] = [tenantOf("acme"), tenantOf("umbra")];
  const places: readonly (readonly [TenantState, string, string])[] = [
    [acme, "ana", "general"],
    [acme, "ana", "random"],
    [acme, "bob", "general"],
    [umbra, "ana", "general"],
    // Names that would meet if they were only put together.
    [acme, "ana/general", "general"],
  ];
  const routes = places.map(([tenant, user, name]) => known.of(tenant, user, name));
  expect(new Set(routes).size).toBe(5);
  for (const [i, [tenant, user, name]] of places.entries())
    expect(known.of(tenant, user, name)).toBe(routes[i] as Route);
  expect(made()).toBe(5);
});

test("a place of a tenant that was made anew is worked out again", () => {
  const { known } = setUp();
  const route = known.of(tenantOf("acme"), "ana", "general");
  const tenant = tenantOf("acme");
  expect(known.of(tenant, "ana", "general")).not.toBe(route);
  expect(known.of(tenant, "ana", "general").tenant).toBe(tenant);
  expect(known.count).toBe(1);
});

test("only so many places are known: routesKnownMax", () => {
  const { routesKnownMax } = limitsWith();
  expect(routesKnownMax).toBeGreaterThan(1_000);
  const { known } = setUp(10);
  const tenant = tenantOf("acme");
  for (let i = 0; i < 1_000; i++) {
    known.of(tenant, "ana", `room-${i}`);
    expect(known.count).toBeLessThanOrEqual(10);
  }
});
