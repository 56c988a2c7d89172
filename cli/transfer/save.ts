import type { ClusterConfig } from "../../src/config-cluster.ts";
import type { Basics } from "../cluster/open.ts";
import { openClusterSide } from "./cluster-side.ts";
import { exportRun } from "./command.ts";
import { Progress } from "./progress.ts";

/** Exports one tenant of a cluster to a file, before it is removed. */
export async function saveTenant(
  config: ClusterConfig,
  basics: Basics,
  name: string,
  path: string,
  write: (line: string) => void,
): Promise<void> {
  await using side = await openClusterSide(config, basics);
  await exportRun(path, [name])(side, new Progress(write, () => basics.clock.monotonic()), write);
}
