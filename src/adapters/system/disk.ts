import { statfsSync } from "node:fs";
import type { Telemetry } from "../../ports/telemetry.ts";

/** Shows how full the file system of a folder is, as `df` does: what only root may use is used. */
export function watchDisk(telemetry: Telemetry, folder: string): void {
  telemetry.gauge(
    { name: "tidegate_disk_size_bytes", help: "Size of the data folder's file system" },
    () => {
      const { blocks, bsize } = statfsSync(folder);
      return blocks * bsize;
    },
  );
  telemetry.gauge(
    { name: "tidegate_disk_used_ratio", help: "Part of the data folder's file system in use" },
    () => {
      const { blocks, bavail } = statfsSync(folder);
      return 1 - bavail / blocks;
    },
  );
}
