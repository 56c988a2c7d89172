import { ImportFold } from "../../chat/import-fold.ts";
import { AppError } from "../../errors.ts";
import type { ImportTotals, TenantImport } from "../../ports/message-import.ts";
import { encodeBatch } from "./store-batch.ts";
import type { WriterApi } from "./store-writer-thread.ts";
import type { EmptyConversation } from "./store-writer.ts";
import type { Thread } from "./thread.ts";

/** One transaction over all of a tenant: what a crash leaves of it is rolled back at the next open. */
export async function importTenant(
  writer: Thread<WriterApi>,
  { tenant, topic, partitions, runs }: TenantImport,
): Promise<ImportTotals> {
  const free = await writer.call("beginImport", [{ tenant, topic, partitions }]);
  try {
    const fold = new ImportFold(tenant, free);
    for await (const some of runs)
      for (const { partition, offsetFirst, nextOffset, events } of fold.fold(some)) {
        const batch = encodeBatch({
          topic,
          partition,
          incarnation: "",
          ownerEpoch: 0,
          expectedOffset: offsetFirst,
          nextOffset,
          lastId: "",
          events,
        });
        if (typeof batch === "string")
          throw new AppError("row_refused", `The store refuses a row: ${batch}`);
        await writer.call("addImported", [batch], "store_unavailable", [batch.buffer]);
      }
    const empty: EmptyConversation[] = [];
    for (const [conversation, { epoch, floor, seq }] of fold.conversations)
      if (floor > seq) empty.push({ conversation, epoch, seq });
    await writer.call("endImport", [empty], "unknown_outcome");
    return { conversations: fold.conversations.size, events: fold.events };
  } catch (error) {
    // A thread that is gone has rolled back by that; what went wrong first is what matters.
    if (!writer.isDead) await writer.call("abortImport", []).catch(() => undefined);
    throw error;
  }
}
