import { readFileSync } from "node:fs";
import { ConfigError, type ConfigFault } from "../../config-read.ts";
import { keySetFaults, type Config } from "../../config.ts";
import { parseKeySet, type VerificationKey } from "../../key-set.ts";
import { loadDevKey, type DevKey } from "./dev-key.ts";

export interface LoadedKeys {
  readonly keys: readonly VerificationKey[];
  /** Set when the keys are the development key alone. */
  readonly devKey: DevKey | undefined;
}

const SETTING = "TIDEGATE_JWT_KEYS";

/**
 * The keys that the configuration names, read from disk where needed.
 *
 * @throws ConfigError when a key file cannot be read or is no key set; Error of {@link loadDevKey}
 */
export function loadKeys(config: Pick<Config, "jwt" | "dataDir" | "production">): LoadedKeys {
  const source = config.jwt.keys;
  if (source.kind === "development") {
    const devKey = loadDevKey(config.dataDir, config.production);
    return { keys: [devKey], devKey };
  }
  const text = source.kind === "inline" ? source.text : readKeyFile(source.path);
  return { keys: keysOf(text, config.production), devKey: undefined };
}

/** What is wrong with a file of keys, for whoever tells the faults of all settings at once. */
export function keyFileFaults(path: string, production: boolean): readonly ConfigFault[] {
  try {
    keysOf(readKeyFile(path), production);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

function keysOf(text: string, production: boolean): readonly VerificationKey[] {
  const faults = keySetFaults(text, production);
  const parsed = parseKeySet(text);
  if (faults.length > 0 || !parsed.ok) {
    throw new ConfigError(faults.map((fault) => ({ name: SETTING, fault })));
  }
  return parsed.keys;
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ConfigError([{ name: SETTING, fault: `names a file that cannot be read: ${why}` }]);
  }
}
