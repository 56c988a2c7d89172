import { AppError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { partitionOf } from "../policy/partitioner.ts";
import type { Clock } from "../ports/clock.ts";
import type { Digest } from "../ports/digest.ts";
import type { OutboxMessage, Staged } from "../ports/outbox.ts";
import type { TenantCatalog } from "../ports/tenant-catalog.ts";
import { recordKey, type Placement } from "../tenants.ts";
import { messageId, scopeInput } from "../wire/message-id.ts";
import { conversationFault, isTenant, userSchema } from "../wire/name.ts";
import { encodeMessageRecord, recordTemplate } from "../wire/record.ts";
import { parseSendBody, type SendBody } from "../wire/send-check.ts";

export interface MessageRowOptions {
  readonly catalog: Pick<TenantCatalog, "find" | "isGone" | "place">;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Name of this process in the records' metadata. */
  readonly source: string;
}

/** It may have been published before a crash, so no try of it counts as the first. */
const ATTEMPT = 2;

/**
 * The row of a message, with the id and the fingerprint that a gateway gives the same message: sent
 * through both, it is placed once.
 *
 * @throws store_unavailable when nobody can say where the tenant is
 */
export async function messageRow(
  message: OutboxMessage,
  { catalog, digest, clock, limits, source }: MessageRowOptions,
): Promise<Staged> {
  const { tenant, conversation, sender } = message;
  const fault = nameFault(message);
  if (fault !== undefined) return { fault };
  const body = bodyOf(message, limits);
  if (body instanceof AppError) return { fault: `${body.code}: ${body.message}` };
  const placement = await placementOf(catalog, tenant);
  if (placement === undefined) return { fault: `forbidden: there is no tenant ${tenant}` };
  const key = recordKey(placement, tenant, conversation);
  const template = recordTemplate({ tenant, conversation, sender, key, source });
  const record = encodeMessageRecord(template, {
    key: message.key,
    id: messageId(message.key, digest.scope(scopeInput(tenant, conversation, sender))),
    attempt: ATTEMPT,
    kind: body.kind,
    timestamp: clock.now(),
    content: body.content,
    fingerprint: digest.fingerprint(body.kind + body.content),
  });
  return { topic: placement.topic, partition: partitionOf(key, placement.partitions), record };
}

function nameFault({ tenant, conversation, sender }: OutboxMessage): string | undefined {
  if (!isTenant(tenant)) return "forbidden: tenant is not a tenant's name";
  const fault = conversationFault(conversation);
  if (fault !== undefined) return `invalid_conversation: conversation ${fault}`;
  return userSchema.safeParse(sender).success ? undefined : "invalid_command: sender is no user";
}

/** Checked like the body of an HTTP request, and with the same words. */
function bodyOf({ key, kind, content }: OutboxMessage, limits: Limits): SendBody | AppError {
  try {
    // On its own: as a part of the text below it could be more than one member.
    JSON.parse(content);
  } catch {
    return new AppError("invalid_content", "content is not JSON");
  }
  const fields = JSON.stringify({ key, type: kind });
  return parseSendBody(`${fields.slice(0, -1)},"content":${content}}`, limits);
}

async function placementOf(
  catalog: MessageRowOptions["catalog"],
  tenant: string,
): Promise<Placement | undefined> {
  const known = await catalog.find(tenant);
  // Its topic is deleted, and a row for it would wait for ever; in a shared one it would come back.
  if (catalog.isGone(tenant)) return undefined;
  if (known !== undefined) return known;
  try {
    return await catalog.place(tenant);
  } catch (error) {
    if (error instanceof AppError && error.code === "forbidden") return undefined;
    throw error;
  }
}
