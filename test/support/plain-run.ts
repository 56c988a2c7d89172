import type { PublishedRun } from "../../src/ports/backplane.ts";

/** What a run says, however whoever made it keeps it: for comparing. */
export function plainRun(run: PublishedRun): PublishedRun {
  const { tenant, conversation, epoch, firstSeq, offsets, events, traces } = run;
  const said = { tenant, conversation, epoch, firstSeq, offsets, events };
  return traces === undefined ? said : { ...said, traces };
}
