import { KAFKAJS_LACKS } from "../../src/kafkajs-lacks.ts";
import { code, tablePage } from "./document.ts";
import type { Document } from "./document.ts";

export const kafkaClientsDocument: Document = {
  path: "kafka-clients.md",
  render: () =>
    tablePage({
      title: "Kafka clients",
      source: "`src/kafkajs-lacks.ts`",
      intro:
        "Both clients pass the same tests, and members of one consumer group may use either. What " +
        "`KAFKA_CLIENT=kafkajs` cannot have is refused at the start:",
      columns: ["setting", "value", "why not", "instead"],
      rows: KAFKAJS_LACKS.map(({ setting, value, reason, instead }) => [
        code(setting),
        code(value),
        reason,
        instead,
      ]),
    }),
};
