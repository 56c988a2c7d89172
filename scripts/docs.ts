/**
 * Writes `docs/reference` from the source. With `--check` it writes nothing, and ends with 1 when a
 * file there is missing, stale or made by nothing.
 */
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { asyncapiDocument } from "./docs/asyncapi.ts";
import { closeCodesDocument } from "./docs/close-codes.ts";
import { configDocument } from "./docs/config.ts";
import type { Document } from "./docs/document.ts";
import { errorsDocument } from "./docs/errors.ts";
import { kafkaClientsDocument } from "./docs/kafka-clients.ts";
import { limitsDocument } from "./docs/limits.ts";
import { metricsDocument } from "./docs/metrics.ts";
import { openapiDocument } from "./docs/openapi.ts";
import { clientLineDocument, serverLineDocument } from "./docs/schemas.ts";

const DOCUMENTS: readonly Document[] = [
  errorsDocument,
  closeCodesDocument,
  limitsDocument,
  configDocument,
  kafkaClientsDocument,
  metricsDocument,
  clientLineDocument,
  serverLineDocument,
  asyncapiDocument,
  openapiDocument,
];

const folder = join(dirname(import.meta.dir), "docs", "reference");
const isCheck = process.argv.includes("--check");
const faults: string[] = [];

for (const document of DOCUMENTS) {
  const path = join(folder, document.path);
  const wanted = await document.render();
  const file = Bun.file(path);
  const found = (await file.exists()) ? await file.text() : undefined;
  if (found === wanted) continue;
  if (isCheck) faults.push(`${document.path} is ${found === undefined ? "missing" : "stale"}`);
  else await Bun.write(path, wanted);
}

const made = new Set(DOCUMENTS.map((document) => document.path));
for (const path of filesIn(folder)) {
  if (made.has(path)) continue;
  if (isCheck) faults.push(`${path} is made by nothing`);
  else rmSync(join(folder, path));
}

for (const fault of faults) process.stderr.write(`docs/reference/${fault}\n`);
if (faults.length > 0) process.stderr.write("run `bun run docs` and commit what it writes\n");
// Deadlines of what was started and stopped for the metrics would keep it alive.
process.exit(faults.length > 0 ? 1 : 0);

function filesIn(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1));
}
