import { z } from "zod";
import { healthReplySchema } from "./http.ts";

const count = z.number().min(0);
const instant = z.number().meta({ description: "Milliseconds since 1970" });

/** A histogram as it stands: how many values fell into which bounds since the process started. */
export const distributionSchema = z
  .object({
    bounds: z.array(z.number()).meta({ description: "Upper bounds, rising, in seconds" }),
    counts: z.array(count).meta({
      description: "Values within each bound and above the one before; the last: above all",
    }),
    sum: z.number(),
  })
  .meta({ id: "Distribution" });
export type Distribution = z.infer<typeof distributionSchema>;

export const partitionLagSchema = z
  .object({
    pool: z.string(),
    topic: z.string(),
    partition: z.string(),
    records: z.number(),
    seconds: z.number().optional(),
  })
  .meta({ id: "PartitionLag" });
export type PartitionLag = z.infer<typeof partitionLagSchema>;

export const tenantUseSchema = z
  .object({
    name: z.string(),
    sends: count,
    rate_limited: count,
    delivered: count,
    connections: count,
  })
  .meta({ id: "TenantUse" });
export type TenantUse = z.infer<typeof tenantUseSchema>;

/** What one process says of itself every few seconds. Totals rise from its start. */
export const processSnapshotSchema = z
  .object({
    kind: z.enum(["standalone", "gateway", "consumers"]),
    pools: z.array(z.string()),
    started: instant.meta({ description: "Totals of another start have nothing to do with these" }),
    at: z.number().meta({ description: "Milliseconds of the process's own steady clock" }),
    health: healthReplySchema,
    numbers: z
      .record(z.string(), z.number())
      .meta({ description: "Metric → its value, series summed; what a process lacks is absent" }),
    distributions: z.record(z.string(), distributionSchema).meta({
      description: "Metric, with its stage in braces where it has some → its distribution",
    }),
    lag: z.array(partitionLagSchema).meta({ description: "The partitions furthest behind" }),
    tenants: z.array(tenantUseSchema).meta({ description: "The busiest" }),
  })
  .meta({ id: "ProcessSnapshot" });
export type ProcessSnapshot = z.infer<typeof processSnapshotSchema>;

/** Answer to `GET /v1/admin/overview`. */
export const overviewSchema = z
  .object({
    now: instant,
    process: z.string().meta({ description: "Who answers" }),
    interval_ms: z.int(),
    trace_url: z
      .string()
      .optional()
      .meta({ description: "Where a trace is shown; {trace} stands for its id" }),
    fault: z
      .string()
      .optional()
      .meta({ description: "Why only the process that answers is shown" }),
    processes: z.array(
      z.object({
        name: z.string(),
        age_ms: z.number(),
        missing: z.boolean().meta({ description: "It has not said anything for too long" }),
        snapshot: processSnapshotSchema,
      }),
    ),
  })
  .meta({ id: "Overview" });
export type Overview = z.infer<typeof overviewSchema>;

const summary = {
  id: z.string(),
  pool: z.string(),
  reason: z.string(),
  tenant: z.string().meta({ description: "Empty where the record did not say" }),
  origin: z.string().meta({ description: "topic/partition/offset" }),
  attempts: z.int(),
  kept: instant.optional(),
  trace: z.string().optional().meta({ description: "traceparent (W3C) of the record" }),
  redriven: instant.optional().meta({ description: "When it was sent again" }),
  obstacle: z.string().optional().meta({ description: "Why it cannot be sent again as it is" }),
};

export const deadLetterSchema = z.object(summary).meta({ id: "DeadLetter" });
export type DeadLetterBody = z.infer<typeof deadLetterSchema>;

/** Answer to `GET /v1/admin/dead-letters`. */
export const deadLettersReplySchema = z
  .object({
    letters: z.array(deadLetterSchema),
    next: z
      .string()
      .optional()
      .meta({ description: "`after` of the next page; absent at the end" }),
  })
  .meta({ id: "DeadLetters" });
export type DeadLettersReply = z.infer<typeof deadLettersReplySchema>;

/** Answer to `GET /v1/admin/dead-letters/{id}`. */
export const deadLetterDetailSchema = z
  .object({
    ...summary,
    key: z.string(),
    headers: z.record(z.string(), z.string()),
    value: z.string().meta({ description: "Controls are escaped; cut to a limit" }),
    value_chars: z.int().meta({ description: "Of the whole value" }),
  })
  .meta({ id: "DeadLetterDetail" });
export type DeadLetterDetailBody = z.infer<typeof deadLetterDetailSchema>;

/** Body of `POST /v1/admin/dead-letters/{id}/redrive`. */
export const redriveBodySchema = z
  .object({ again: z.boolean().optional().meta({ description: "Also what was redriven before" }) })
  .meta({ id: "RedriveBody" });

/** Answer to it. */
export const redriveReplySchema = z
  .object({
    id: z.string(),
    message: z.string().meta({ description: "The message's id, the same as before" }),
    topic: z.string(),
    partition: z.int(),
    offset: z.string(),
    redriven: instant,
    marked: z
      .boolean()
      .meta({ description: "False: it was sent, and a second redrive will not be told" }),
  })
  .meta({ id: "Redriven" });
export type RedriveReply = z.infer<typeof redriveReplySchema>;
