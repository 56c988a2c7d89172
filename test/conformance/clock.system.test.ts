import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { clockConformance } from "./clock.ts";

clockConformance("system", createSystemClock);
