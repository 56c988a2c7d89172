/** Shared topics that there may be. */
export const POOLS = 4;
/**
 * Tenants that one gets before the next one is begun. Each partition costs by itself: the same messages
 * over four times as many are more and smaller batches in the log, the store and the backplane.
 */
export const POOL_TENANTS = 1_024;

/**
 * The shared topic of a new tenant: the first one that is not full, or the one with the fewest.
 * @param tenantsOf how many one has, by its number from 1
 */
export function choosePool(tenantsOf: (number: number) => number): number {
  let best = 1;
  for (let number = 1; number <= POOLS; number++) {
    const tenants = tenantsOf(number);
    if (tenants < POOL_TENANTS) return number;
    if (tenants < tenantsOf(best)) best = number;
  }
  return best;
}
