import { CLUSTER_SETTINGS } from "../../src/config-cluster-table.ts";
import { KAFKA_SETTINGS } from "../../src/config-kafka-table.ts";
import { SETTINGS } from "../../src/config-table.ts";
import type { Setting, SettingTable } from "../../src/setting.ts";
import { code, pageHead, table } from "./document.ts";
import type { Document } from "./document.ts";

const COLUMNS = ["variable", "value", "default", "meaning"];

const PARTS: readonly { readonly title: string; readonly settings: SettingTable }[] = [
  { title: "Every program", settings: SETTINGS },
  { title: "Kafka, in a cluster", settings: KAFKA_SETTINGS },
  { title: "Redis, Postgres and processes, in a cluster", settings: CLUSTER_SETTINGS },
];

const rowOf = ([name, one]: [string, Setting<unknown>]): readonly string[] => [
  code(name),
  one.type,
  one.default === undefined ? "none" : code(one.default),
  one.secret === true ? `${one.doc}. Never shown` : one.doc,
];

export const configDocument: Document = {
  path: "config.md",
  render: () =>
    [
      pageHead({
        title: "Configuration",
        source:
          "`src/config-table.ts`, `src/config-trace-table.ts`, `src/config-kafka-table.ts` and `src/config-cluster-table.ts`",
        intro:
          "Every environment variable that is read. All are checked at start, and everything that is wrong is told at once. An empty variable counts as absent; an unknown one that begins with `TIDEGATE_` is refused, and so is one that is nearly the name of a Kafka setting. What Kubernetes adds for Services (`…_SERVICE_HOST` and its like) is passed over. `bun run start` runs without a cluster: it ignores the settings for one, and says so.",
      }),
      ...PARTS.map(
        ({ title, settings }) =>
          `## ${title}\n\n${table(COLUMNS, Object.entries(settings).map(rowOf))}`,
      ),
    ].join("\n"),
};
