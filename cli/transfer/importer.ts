import type { ImportedEvent, ImportedRun } from "../../src/chat/import-fold.ts";
import { AppError } from "../../src/errors.ts";
import { isPlan, type PlanName } from "../../src/plans.ts";
import { partitionOf } from "../../src/policy/partitioner.ts";
import { recordKey, type Placement } from "../../src/tenants.ts";
import type { ConversationLine, TenantLine } from "./format.ts";
import { readLines, type Contents } from "./import-file.ts";
import type { Progress } from "./progress.ts";
import type { TransferSide } from "./side.ts";

/** Of what goes to the store at once. */
const PIECE_EVENTS = 4_000;
const PIECE_CHARS = 4 * 1024 * 1024;

export interface ImportWish {
  readonly path: string;
  readonly tenant: string;
  /** In place of the file's. */
  readonly plan: PlanName | undefined;
  readonly partitions: number | undefined;
}

/**
 * Brings one tenant of a file that was checked. Until the store has all of it, nobody is served.
 * @throws invalid_command when the tenant has messages already
 */
export async function importTenant(
  side: TransferSide,
  contents: Contents,
  wish: ImportWish,
  progress: Progress,
): Promise<void> {
  const { path, tenant: name, plan, partitions } = wish;
  const expected = contents.tenants.get(name);
  const line = await tenantLine(path, name);
  const planBefore = line.plan !== undefined && isPlan(line.plan) ? line.plan : undefined;
  const { limits } = line;
  const placement = await side.prepare({ name, plan, planBefore, partitions, limits });
  const totals = await side.store.importTenant({
    tenant: name,
    topic: placement.topic,
    partitions: placement.partitions,
    runs: runsOf(path, name, placement, progress, expected),
  });
  await side.serve(name);
  progress.done(name, totals.events, totals.conversations);
}

async function tenantLine(path: string, name: string): Promise<TenantLine> {
  for await (const line of readLines(path))
    if (line.kind === "tenant" && line.name === name) return line;
  throw changed(path);
}

/** A tenant's events in runs of the target's partitions. */
async function* runsOf(
  path: string,
  tenant: string,
  placement: Placement,
  progress: Progress,
  expected: { readonly events: number } | undefined,
): AsyncGenerator<readonly ImportedRun[]> {
  const conversations: ConversationLine[] = [];
  let piece = new Piece(tenant, placement);
  let isOwn = false;
  let events = 0;
  for await (const line of readLines(path)) {
    if (line.kind === "tenant") isOwn = line.name === tenant;
    if (!isOwn) continue;
    if (line.kind === "conversation") {
      conversations.push(line);
      piece.begin(line);
    } else if (line.kind === "event") {
      const conversation = conversations[line.conversation];
      if (conversation === undefined) throw changed(path);
      piece.add(conversation, line.seq, line);
      progress.show(tenant, ++events);
    }
    if (piece.events < PIECE_EVENTS && piece.chars < PIECE_CHARS) continue;
    yield piece.runs();
    piece = new Piece(tenant, placement);
  }
  yield piece.runs();
  // It was checked before: somebody writes to it.
  if (events !== expected?.events) throw changed(path);
}

class Piece {
  readonly #tenant: string;
  readonly #placement: Placement;
  readonly #runs = new Map<string, ImportedRun & { readonly events: ImportedEvent[] }>();
  events = 0;
  chars = 0;

  constructor(tenant: string, placement: Placement) {
    this.#tenant = tenant;
    this.#placement = placement;
  }

  /** So that one without events is there too. */
  begin(conversation: ConversationLine): void {
    this.#run(conversation, conversation.seqFirst);
  }

  add(conversation: ConversationLine, seq: number, event: ImportedEvent): void {
    const { id, fingerprint, event: text } = event;
    const run = this.#run(conversation, seq);
    if (run.seqFirst + run.events.length !== seq)
      throw new AppError(
        "row_refused",
        `seq ${seq} of ${JSON.stringify(conversation.name)} is out of order`,
      );
    run.events.push({ id, fingerprint, event: text });
    this.events++;
    this.chars += text.length;
  }

  runs(): readonly ImportedRun[] {
    return [...this.#runs.values()];
  }

  #run({ name, epoch }: ConversationLine, seqFirst: number) {
    let run = this.#runs.get(name);
    if (run !== undefined) return run;
    const key = recordKey(this.#placement, this.#tenant, name);
    const partition = partitionOf(key, this.#placement.partitions);
    this.#runs.set(name, (run = { conversation: name, partition, epoch, seqFirst, events: [] }));
    return run;
  }
}

function changed(path: string): AppError {
  return new AppError("invalid_command", `${path} has changed since it was checked`);
}
