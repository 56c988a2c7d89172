import type { PlacedEvent } from "../../src/ports/message-store.ts";

export const CRASH_TOPIC = "chat.messages.acme";
export const CRASH_PARTITIONS = 3;
export const CRASH_CONVERSATIONS = 5;

/** The batch that begins at an offset: always the same one, of 1 to 40 events. */
export function crashEvents(partition: number, offset: number): PlacedEvent[] {
  const count = 1 + ((offset * 7) % 40);
  return Array.from({ length: count }, (_, i) => crashEvent(partition, offset + i));
}

export function crashConversation(partition: number, number: number): string {
  return `room-${partition}-${number}`;
}

function crashEvent(partition: number, offset: number): PlacedEvent {
  const time = (1_795_254_378_000 + offset).toString(16).padStart(12, "0");
  const id = `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-00000000000${partition}.scope`;
  return {
    tenant: "acme",
    conversation: crashConversation(partition, offset % CRASH_CONVERSATIONS),
    epoch: "e1",
    seq: Math.floor(offset / CRASH_CONVERSATIONS) + 1,
    offset,
    id,
    fingerprint: `f${offset}`,
    event: `{"id":"${id}","content":{"text":"${"é".repeat(offset % 300)}"}}`,
  };
}
