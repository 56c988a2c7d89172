import { describe, expect, test } from "bun:test";
import type { TenantCatalog } from "../../src/ports/tenant-catalog.ts";
import { tenantOfTopic } from "../../src/topics.ts";

/** A fresh catalog, and the same one as another process finds it later. */
export interface CatalogFixture {
  readonly catalog: TenantCatalog;
  reopen(): Promise<TenantCatalog>;
}

/** Every sentence of the port `tenant-catalog`, for one adapter that serves new tenants. */
export function tenantCatalogConformance(
  name: string,
  create: () => Promise<CatalogFixture>,
): void {
  describe(`tenant-catalog: ${name}`, () => {
    test("places a tenant in a topic of its own or one that says it is shared", async () => {
      const { catalog } = await create();
      const placement = await catalog.place("acme");
      expect(placement.partitions).toBeGreaterThan(0);
      if (!placement.shared) expect(tenantOfTopic(placement.topic)).toBe("acme");
      expect(catalog.topics()).toContain(placement.topic);
    });

    test("gives the same placement every time, also to many who ask at once and after a restart", async () => {
      const fixture = await create();
      const { catalog } = fixture;
      const [first, ...others] = await Promise.all([1, 2, 3].map(() => catalog.place("acme")));
      for (const other of others) expect(other).toEqual(first as typeof other);
      const later = await fixture.reopen();
      expect(later.topics()).toEqual(catalog.topics());
      expect(await later.place("acme")).toEqual(first as NonNullable<typeof first>);
    });

    test("keeps tenants apart", async () => {
      const { catalog } = await create();
      const [acme, rival] = [await catalog.place("acme"), await catalog.place("rival")];
      if (!acme.shared || !rival.shared) expect(acme.topic).not.toBe(rival.topic);
    });

    test("tells watchers of new topics until they stop", async () => {
      const { catalog } = await create();
      let told = 0;
      const stop = catalog.watch(() => told++);
      await catalog.place("acme");
      expect(told).toBe(1);
      await catalog.place("acme");
      expect(told).toBe(1);
      stop();
      await catalog.place("rival");
      expect(told).toBe(1);
    });
  });
}
