/**
 * For Bun where memory is there to be used (`docs/cluster.md`): the collector of garbage comes after
 * 128 MiB of allocations and not after 32 nor because some time is over, and pages that are free are kept.
 * For our programs, for the generator, whose pauses would count as the server's, and for peers that run on
 * Bun.
 */
export const ROOMY: Readonly<Record<string, string>> = {
  BUN_JSC_largeHeapSize: String(128 * 1024 * 1024),
  BUN_GC_TIMER_DISABLE: "1",
  BUN_JSC_percentCPUPerMBForEdenTimer: "0.000001",
  BUN_JSC_percentCPUPerMBForFullTimer: "0.000001",
  MIMALLOC_PURGE_DELAY: "-1",
};
