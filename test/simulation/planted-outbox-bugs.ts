import type { PlantedBug } from "./planted-bugs.ts";

/** The bugs that a fail-over invites: each breaks an order that somebody was promised. */
export const OUTBOX_BUGS: readonly PlantedBug[] = [
  {
    name: "a partition returns to the log before its own rows are published",
    outbox: true,
    patches: [
      {
        file: "gateway/failover.ts",
        from: "    if (!lane.clear || lane.putting > 0 || lane.flying > 0 || !lane.isFresh) return;\n",
        to: "    if (lane.putting > 0 || lane.flying > 0 || !lane.isFresh) return;\n",
      },
    ],
  },
  {
    name: "rows of a partition are published out of order",
    outbox: true,
    patches: [
      {
        file: "consumers/outbox/publish-entries.ts",
        from: "    const failure = await append(records);\n",
        to: "    const failure = await append(records.toReversed());\n",
      },
    ],
  },
  {
    name: "two publishers have a partition and the later removes what it did not publish",
    outbox: true,
    patches: [
      {
        file: "src/adapters/memory/outbox.ts",
        from: "    if (holders.has(name)) return undefined;\n",
        to: "",
      },
      {
        file: "src/adapters/memory/outbox.ts",
        from: '      if (!isHeld()) throw new AppError("closed");\n      const reasons',
        to: "      const reasons",
      },
    ],
  },
  {
    name: "rows are put while an earlier append of their partition has no outcome",
    outbox: true,
    patches: [
      {
        file: "gateway/failover.ts",
        from: '    if (lane.flying > 0) return;\n    if (lane.state === "trial"',
        to: '    if (lane.state === "trial"',
      },
      {
        file: "gateway/outbox-put.ts",
        from: 'if (lane.state !== "outbox" || lane.flying > 0) continue;',
        to: 'if (lane.state !== "outbox") continue;',
      },
    ],
  },
  {
    name: "a connect does not ask what other gateways have in the outbox",
    outbox: true,
    patches: [
      {
        file: "gateway/commands/connect.ts",
        from: "    if (fresh !== undefined) await fresh;\n",
        to: "",
      },
    ],
  },
  {
    name: "a record goes into the outbox as a first try",
    outbox: true,
    patches: [
      {
        file: "gateway/outbox-put.ts",
        from: "record: raiseAttempt(record) ?? record,",
        to: "record: raiseAttempt(record) === undefined ? record : record,",
      },
      {
        file: "consumers/outbox/publish-entries.ts",
        from: "raiseAttempt(record, tries)",
        to: "(raiseAttempt(record, tries) && record)",
      },
    ],
  },
];
