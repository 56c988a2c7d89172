import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStandalone } from "../../cli/standalone.ts";
import { parseConfig } from "../../src/config.ts";
import { code, tablePage } from "./document.ts";
import type { Document } from "./document.ts";

/** Asks a running process, since a metric is there when its component is. */
export const metricsDocument: Document = {
  path: "metrics.md",
  async render() {
    const folder = mkdtempSync(join(tmpdir(), "tidegate-docs-"));
    try {
      const running = await startStandalone(
        parseConfig({ PORT: "0", TIDEGATE_DATA: folder }),
        () => undefined,
      );
      const metrics = running.telemetry.metrics();
      await running.stop();
      return tablePage({
        title: "Metrics",
        source: "a standalone process at rest",
        intro: "What `/metrics` has. Times are in seconds, sizes in bytes; totals only rise.",
        columns: ["metric", "type", "what it says"],
        rows: metrics
          .toSorted((a, b) => (a.name < b.name ? -1 : 1))
          .map(({ name, type, help }) => [code(name), type, help]),
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
