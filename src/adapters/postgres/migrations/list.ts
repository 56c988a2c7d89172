import { storeMigration } from "./0001-store.ts";
import { outboxMigration } from "./0002-outbox.ts";
import { tenantsMigration } from "./0003-tenants.ts";
import type { Migration } from "./migration.ts";

/** All there are, in order. A new one goes to the end. */
export const MIGRATIONS: readonly Migration[] = [storeMigration, outboxMigration, tenantsMigration];
