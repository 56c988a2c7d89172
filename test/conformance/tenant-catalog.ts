import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { TenantCatalog } from "../../src/ports/tenant-catalog.ts";
import { NO_TENANT_LIMITS } from "../../src/tenants.ts";
import { isPoolTopic, tenantOfTopic } from "../../src/topics.ts";

/** A fresh catalog, and the same one as another process finds it later. */
export interface CatalogFixture {
  readonly catalog: TenantCatalog;
  reopen(): Promise<TenantCatalog>;
  /** Makes a tenant known where the catalog does not do so by itself. */
  add(tenant: string): Promise<void>;
  end(): Promise<void>;
}

/** Every sentence of the port `tenant-catalog`, for one adapter. */
export function tenantCatalogConformance(
  name: string,
  create: () => Promise<CatalogFixture>,
): void {
  describe(`tenant-catalog: ${name}`, () => {
    let fixture: CatalogFixture;
    let catalog: TenantCatalog;
    beforeEach(async () => {
      fixture = await create();
      ({ catalog } = fixture);
    });
    afterEach(() => fixture.end());

    test("places a tenant in a topic of its own or one that says it is shared", async () => {
      await fixture.add("acme");
      const placement = await catalog.place("acme");
      expect(placement.partitions).toBeGreaterThan(0);
      if (!placement.shared) expect(tenantOfTopic(placement.topic)).toBe("acme");
      else expect(isPoolTopic(placement.topic)).toBe(true);
      expect(catalog.topics()).toContain(placement.topic);
      expect(catalog.serves("acme")).toBe(true);
      expect(catalog.isGone("acme")).toBe(false);
    });

    test("gives the same placement every time, also to many who ask at once and after a restart", async () => {
      await fixture.add("acme");
      const [first, ...others] = await Promise.all([1, 2, 3].map(() => catalog.place("acme")));
      for (const other of others) expect(other).toEqual(first as typeof other);
      const later = await fixture.reopen();
      expect(await later.place("acme")).toEqual(first as NonNullable<typeof first>);
      expect(later.topics()).toEqual(catalog.topics());
    });

    test("keeps tenants apart", async () => {
      await fixture.add("acme");
      await fixture.add("rival");
      const [acme, rival] = [await catalog.place("acme"), await catalog.place("rival")];
      if (!acme.shared || !rival.shared) expect(acme.topic).not.toBe(rival.topic);
    });

    test("finds the place of a tenant that was placed, and none of one that never was", async () => {
      expect(await catalog.find("acme")).toBeUndefined();
      await fixture.add("acme");
      const placement = await catalog.place("acme");
      expect(await catalog.find("acme")).toEqual(placement);
      expect(await catalog.find("rival")).toBeUndefined();
      expect(await catalog.find("../acme")).toBeUndefined();
    });

    test("says no limits of a tenant that has none of its own", async () => {
      await fixture.add("acme");
      await catalog.place("acme");
      expect(catalog.limits("acme")).toEqual(NO_TENANT_LIMITS);
      expect(catalog.limits("rival")).toEqual(NO_TENANT_LIMITS);
    });

    test("tells watchers of new topics until they stop", async () => {
      let told = 0;
      const stop = catalog.watch(() => told++);
      await fixture.add("acme");
      await catalog.place("acme");
      expect(told).toBe(1);
      await catalog.place("acme");
      expect(told).toBe(1);
      stop();
      await fixture.add("rival");
      await catalog.place("rival");
      expect(told).toBe(1);
    });
  });
}
