import { createMemorySharedLimits } from "../../src/adapters/memory/shared-limits.ts";
import { sharedLimitsConformance } from "./shared-limits.ts";

sharedLimitsConformance("memory", () => {
  const limits = createMemorySharedLimits();
  return Promise.resolve({
    open: () => Promise.resolve(limits),
    processes: 2,
    close: () => limits.close(),
  });
});
