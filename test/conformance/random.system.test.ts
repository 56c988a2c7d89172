import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { randomConformance } from "./random.ts";

randomConformance("system", createSystemRandom);
