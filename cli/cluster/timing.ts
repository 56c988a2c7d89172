/** Between two looks of every process at the catalog of tenants, in ms. */
export const CATALOG_POLL_MS = 2_000;
