import { expect, test } from "bun:test";
import { createTenantMetrics } from "../../../../gateway/http/tenant-metrics.ts";
import { renderTenants } from "../../../../src/adapters/prometheus/tenants.ts";
import { limitsWith } from "../../../../src/limits.ts";
import { sampleOf } from "../../../support/exposition.ts";

const tenant = (name: string, sends: number, delivered: number) => ({
  name,
  sends,
  sendCharacters: sends * 300,
  rateLimited: 0,
  delivered,
  connections: 1,
});

const TENANTS = [tenant("quiet", 1, 1), tenant("reads", 0, 900), tenant("writes", 500, 0)];

function ask(headers: Record<string, string> = {}, isAdmin?: (key: string) => boolean) {
  const answer = createTenantMetrics({
    numbers: () => TENANTS,
    render: (tenants) => renderTenants(tenants, limitsWith({ tenantSeriesMax: 2 }).tenantSeriesMax),
    isAdmin,
  });
  return answer(new Request("http://gateway/metrics/tenants", { headers }));
}

test("the busiest tenants are listed, to whoever has the admin key", async () => {
  const reply = await ask({ authorization: "Bearer right" }, (key) => key === "right");
  const text = (await reply?.text()) ?? "";
  expect(reply?.headers.get("content-type")).toStartWith("text/plain");
  expect(sampleOf(text, "tidegate_tenant_delivered_total", { tenant: "reads" })).toBe(900);
  expect(sampleOf(text, "tidegate_tenant_send_characters_total", { tenant: "writes" })).toBe(
    150_000,
  );
  expect(sampleOf(text, "tidegate_tenant_connections", { tenant: "reads" })).toBe(1);
  expect(sampleOf(text, "tidegate_tenants")).toBe(3);
  expect(text).not.toContain("quiet");
});

test("nobody else hears which tenants there are", async () => {
  const isAdmin = (key: string): boolean => key === "right";
  for (const headers of [{}, { authorization: "Bearer wrong" }, { authorization: "right" }]) {
    const reply = await ask(headers as Record<string, string>, isAdmin);
    expect(reply?.status).toBe(401);
    expect(await reply?.text()).not.toContain("reads");
  }
  expect((await ask({ authorization: "Bearer right" }))?.status).toBe(404);
});

test("every other address is somebody else's to answer", () => {
  const answer = createTenantMetrics({
    numbers: () => [],
    render: () => Promise.reject(new Error("not asked for")),
    isAdmin: () => true,
  });
  expect(answer(new Request("http://gateway/metrics"))).toBeUndefined();
  expect(answer(new Request("http://gateway/metrics/tenants/acme"))).toBeUndefined();
});
