import type { OutboxMessage } from "../ports/outbox.ts";
import { splitSharedKey } from "../tenants.ts";
import { isPoolTopic, tenantOfTopic } from "../topics.ts";
import type { MessageKind } from "../wire/content.ts";
import { isJsonObject, parseObject } from "../wire/json-object.ts";
import { sliceMember } from "../wire/scan.ts";
import type { DeadLetter } from "./letter.ts";

/** The message that a letter's record is about. */
export interface LetterMessage {
  readonly message: OutboxMessage;
  /** As the record had it: what is made of the message has to have the same. Undefined: none yet. */
  readonly id: string | undefined;
  /** Ms since 1970 that it was sent at. */
  readonly sentAt: number | undefined;
}

/** Origin of a message of another service's transaction: it never became a record. */
const STAGED = "message/";

/** The message to send again, or why there is none. Names and content are checked when it is placed. */
export function messageOf(letter: DeadLetter): LetterMessage | { readonly obstacle: string } {
  if (letter.reason === "key_conflict" || letter.reason.startsWith("key_conflict:"))
    return {
      obstacle:
        "another message was placed under its key: its sender has to send it under a new one",
    };
  if (letter.origin.startsWith(STAGED)) return stagedMessage(letter);
  const envelope = parseObject(letter.record.value);
  const payload = envelope?.["payload"];
  if (envelope === undefined || !isJsonObject(payload) || envelope["type"] !== "message.sent")
    return { obstacle: "its value is not that of a message" };
  const { id, tenant_id: tenant, timestamp } = envelope;
  const { conversation_id: conversation, key, sender, kind } = payload;
  const payloadText = sliceMember(letter.record.value, "payload");
  const content = payloadText === undefined ? undefined : sliceMember(payloadText, "content");
  if (
    typeof id !== "string" ||
    typeof tenant !== "string" ||
    typeof conversation !== "string" ||
    typeof key !== "string" ||
    typeof sender !== "string" ||
    typeof kind !== "string" ||
    content === undefined
  )
    return { obstacle: "its value lacks parts of a message" };
  if (tenantOfOrigin(letter) !== tenant)
    return { obstacle: "it says another tenant than the topic that it came from" };
  const message = { tenant, conversation, sender, key, kind: kind as MessageKind, content };
  return { message, id, sentAt: typeof timestamp === "number" ? timestamp : undefined };
}

/** Whose a record is by where it stood, which nobody who sends can choose. */
function tenantOfOrigin({ origin, record }: DeadLetter): string | undefined {
  const topic = origin.slice(0, Math.max(0, origin.indexOf("/")));
  return isPoolTopic(topic) ? splitSharedKey(record.key)?.tenant : tenantOfTopic(topic);
}

function stagedMessage({ record }: DeadLetter): LetterMessage | { readonly obstacle: string } {
  const said = parseObject(record.value) ?? {};
  const [tenant, conversation, sender, key, kind, content] = [
    "tenant",
    "conversation",
    "sender",
    "key",
    "kind",
    "content",
  ].map((name) => said[name]);
  if (
    typeof tenant !== "string" ||
    typeof conversation !== "string" ||
    typeof sender !== "string" ||
    typeof key !== "string" ||
    typeof kind !== "string" ||
    typeof content !== "string"
  )
    return { obstacle: "its value lacks parts of a message" };
  const message = { tenant, conversation, sender, key, kind: kind as MessageKind, content };
  return { message, id: undefined, sentAt: undefined };
}
