import { DeadLetters } from "../../../consumers/dead-letter.ts";
import type { DeadLetterDeskOptions } from "../../../src/dead-letters/desk.ts";
import { messageRow } from "../../../src/placing/message-row.ts";

/** Keeps letters of messages of ana's in `general` whose headers were lost. */
export async function keepDamaged(
  options: DeadLetterDeskOptions,
  tenant: string,
  count: number,
  reason = "malformed_record",
): Promise<void> {
  const keeper = new DeadLetters(options.log, "delivery", options.clock);
  for (let n = 0; n < count; n++) {
    const message = {
      tenant,
      conversation: "general",
      sender: "ana",
      key: `0198aaaa-bbbb-7ccc-8ddd-${String(n).padStart(12, "0")}`,
      kind: "text",
      content: `{"n":${n}}`,
    } as const;
    const row = await messageRow(message, options);
    if ("fault" in row) throw new Error(row.fault);
    const origin = `${row.topic}/${row.partition}/${n}`;
    const record = { ...row.record, headers: {} };
    await keeper.keep([{ reason, origin, attempts: 1, tenant, record }]);
  }
}
