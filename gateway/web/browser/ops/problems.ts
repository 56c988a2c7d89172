import type { Overview } from "../../../../src/wire/admin.ts";
import { many, span } from "./format.ts";
import type { Moment } from "./meter.ts";

export interface OpsProblem {
  readonly tone: "bad" | "warn";
  readonly title: string;
  readonly text: string;
}

/** Totals that are zero, or somebody has to come. */
const AUDIT = ["lost", "duplicate", "reordered", "altered"] as const;
const LAG_SECONDS_BAD = 5;
const LAG_SECONDS_WARN = 2;
const UNDER_REPLICATED_BAD = 5;

/**
 * What is wrong with an installation, worst first; empty when all is well.
 * @param letters dead letters that could be sent again, of those that are known
 */
export function problemsOf(overview: Overview, moment: Moment, letters: number): OpsProblem[] {
  const found: OpsProblem[] = [];
  const add = (tone: OpsProblem["tone"], title: string, text: string): void =>
    void found.push({ tone, title, text });
  const level = (name: string): number => moment.level(`tidegate_${name}`) ?? 0;

  for (const name of AUDIT) {
    const total = level(`audit_${name}_total`);
    if (total > 0) add("bad", `The auditor counts ${total} ${name}`, "since its processes started");
  }
  if (level("relay_diverged_total") > 0)
    add("bad", "Two owners of one partition", "a gateway has seen one seq with two offsets");
  const halted = level("delivery_partitions_halted");
  if (halted > 0)
    add(
      "bad",
      many(halted, "partition is halted", "partitions are halted"),
      "until an operator decides: /readyz of the consumers process says why",
    );
  if (overview.fault !== undefined)
    add("bad", "Only this process is shown", `the others cannot be asked for: ${overview.fault}`);
  else {
    const running = new Set(
      overview.processes.flatMap(({ missing, snapshot }) => (missing ? [] : snapshot.pools)),
    );
    if (!running.has("delivery"))
      add("bad", "No delivery pool runs", "sends are acked and nothing is delivered");
    else {
      const unowned = level("kafka_partitions") - level("delivery_partitions");
      if (unowned > 0)
        add(
          "warn",
          many(unowned, "partition has no delivery worker", "partitions have no delivery worker"),
          "what is sent there is acked and not delivered; it takes seconds when workers change",
        );
    }
    if (!running.has("auditor"))
      add("warn", "No auditor runs", "nobody recounts the log against the store");
  }
  for (const { name, missing, age_ms, snapshot } of overview.processes) {
    const { status, checks } = snapshot.health;
    if (missing) {
      add("bad", `${name} has vanished`, `it was last heard of ${span(age_ms)} ago`);
      continue;
    }
    if (status === "draining") add("warn", `${name} is leaving`, "it takes no new clients");
    for (const [part, said] of Object.entries(checks))
      if (said !== "ok") add(status === "ready" ? "warn" : "bad", `${name} · ${part}`, said);
  }
  const offline = level("kafka_partitions_offline");
  if (offline > 0)
    add(
      "bad",
      many(offline, "partition has no leader", "partitions have no leader"),
      "Kafka can neither take nor give what is in them",
    );
  const behind = level("kafka_partitions_under_replicated");
  if (behind > 0)
    add(
      behind > UNDER_REPLICATED_BAD ? "bad" : "warn",
      many(behind, "partition has too few copies", "partitions have too few copies"),
      "a broker of Kafka is away or does not keep up",
    );
  const lag = level("pool_lag_seconds");
  if (lag > LAG_SECONDS_WARN)
    add(lag > LAG_SECONDS_BAD ? "bad" : "warn", "Delivery is behind", `by ${lag.toFixed(1)} s`);
  if (letters > 0) {
    const title = many(letters, "dead letter waits", "dead letters wait");
    add("warn", title, "to be sent again, see below");
  }
  const diverted = level("partitions_diverted");
  if (diverted > 0)
    add(
      "warn",
      many(diverted, "partition goes to the outbox", "partitions go to the outbox"),
      "the log does not take its sends",
    );
  const depth = level("outbox_depth");
  if (depth > 0)
    add(
      "warn",
      many(depth, "row waits in the outbox", "rows wait in the outbox"),
      "acked and not delivered yet",
    );
  const tailed = level("relay_tailed_partitions");
  if (tailed > 0)
    add(
      "warn",
      many(tailed, "partition is read from the store", "partitions are read from the store"),
      "no beats come over the backplane",
    );
  return found.toSorted((a, b) => (a.tone === b.tone ? 0 : a.tone === "bad" ? -1 : 1));
}
