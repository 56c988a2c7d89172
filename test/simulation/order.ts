import type { SimClient } from "./client.ts";
import type { Message, Try } from "./message.ts";
import { fail } from "./trace.ts";
import type { World } from "./world.ts";

interface Sent {
  readonly message: Message;
  readonly first: Try;
  /** A try of it may have gone past what the gateway did not know of. */
  readonly blind: boolean;
  /** Offset of its first place. */
  readonly offset: number;
}

/**
 * What a client has its receipt for stands before what it sent first afterwards, whichever gateways
 * it used; and on one connection, before what it sent behind it without waiting.
 */
export function checkOrder(world: World, client: SimClient): void {
  const conversations = Map.groupBy(client.messages, ({ conversation }) => conversation);
  for (const [conversation, messages] of conversations) {
    const placed = world.oracle.placed(client.tenant, conversation);
    const sent: Sent[] = [];
    for (const message of messages) {
      const first = message.tries[0];
      const offset = placed.get(message.key);
      // Tries with other content may have had the place, or the receipt.
      if (first === undefined || offset === undefined || message.conflicting) continue;
      const blind = message.tries.some((one) => one.blind);
      sent.push({ message, first, blind, offset });
    }
    for (const { message, offset } of sent) {
      for (const one of message.tries) {
        if (one.receiptAt === undefined) continue;
        for (const later of sent) {
          const { tries } = later.message;
          const isBehind =
            later.first.link === one.link &&
            later.first.sentAt > one.sentAt &&
            isAcked(later.message);
          const follows = later.blind
            ? isBehind && tries.every(({ link }) => link === one.link)
            : isBehind || later.first.sentAt > one.receiptAt;
          if (follows && later.offset < offset)
            fail(
              "order",
              `${client.name}: ${message.key} at ${offset} had its receipt and stands behind ` +
                `${later.message.key} at ${later.offset} in ${conversation}`,
            );
        }
      }
    }
  }
}

function isAcked({ tries }: Message): boolean {
  return tries.some(({ receiptAt }) => receiptAt !== undefined);
}
