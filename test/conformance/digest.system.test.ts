import { createSystemDigest } from "../../src/adapters/system/digest.ts";
import { digestConformance } from "./digest.ts";

digestConformance("system", createSystemDigest);
