import { createMemoryBackplane } from "../../src/adapters/memory/backplane.ts";
import { backplaneConformance } from "./backplane.ts";

backplaneConformance("memory", () => Promise.resolve(createMemoryBackplane()));
