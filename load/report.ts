/**
 * Makes `docs/benchmarks.md`, its plots and the README's table from `docs/benchmarks.json`. With `--check` it
 * writes nothing and ends with 1 when one of them is stale.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { benchmarksPage, headlineTable, replaceTable } from "./report/page.ts";
import { plotsOf } from "./report/plots.ts";
import { readResults } from "./result.ts";

const root = dirname(import.meta.dir);
const isCheck = process.argv.includes("--check");
const rows = readResults();
const stale: string[] = [];

const plots = plotsOf(rows);
for (const { name, svg } of plots) update(`docs/images/${name}`, () => svg);
for (const name of readdirSync(join(root, "docs/images"))) {
  if (!name.startsWith("benchmarks-") || plots.some((plot) => plot.name === name)) continue;
  if (isCheck) stale.push(`docs/images/${name}`);
  else rmSync(join(root, "docs/images", name));
}
update("docs/benchmarks.md", () => benchmarksPage(rows, plots));
update("README.md", (found) => replaceTable(found, headlineTable(rows)));
if (stale.length > 0) {
  process.stderr.write(`stale: ${stale.join(", ")}; run \`bun load/report.ts\`\n`);
  process.exit(1);
}

function update(name: string, render: (found: string) => string): void {
  const path = join(root, name);
  const found = existsSync(path) ? readFileSync(path, "utf8") : "";
  const wanted = render(found);
  if (wanted === found) return;
  if (isCheck) stale.push(name);
  else writeFileSync(path, wanted);
}
