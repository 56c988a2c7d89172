import { Sequencer, type Known, type Needs } from "../../src/chat/sequencer.ts";
import type { PlacedEvent } from "../../src/ports/message-store.ts";
import { deadLetterTopic, tenantOfTopic } from "../../src/topics.ts";
import { conversationFault } from "../../src/wire/name.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import type { SimClient } from "./client.ts";
import type { Message } from "./message.ts";
import type { Verdict } from "./oracle.ts";
import { checkOrder } from "./order.ts";
import { count } from "./stats.ts";
import { fail } from "./trace.ts";
import { DELIVERY_POOL, type World } from "./world.ts";

const ALL = Number.MAX_SAFE_INTEGER;

/** After every step: no queue is beyond its limit, and no component has met what cannot be. */
export function checkBounds(world: World): void {
  const { limits } = world.profile;
  if (world.outbox.rows > limits.outboxRowsMax)
    fail("G6", `${world.outbox.rows} rows in the outbox`);
  for (const { telemetry, name, up, role } of world.hosts) {
    if (!up) continue;
    const value = (metric: string): number => telemetry.value(`tidegate_${metric}`) ?? 0;
    const within = (metric: string, most: number): void => {
      const now = value(metric);
      if (now > most) fail("G6", `${name}: ${metric} is ${now}, the limit is ${most}`);
    };
    if (role !== "gateway") {
      const partitions = value("delivery_partitions");
      const batch = limits.batchRecordsMax + limits.appendBatchRecordsMax;
      const tail = limits.tailEventsMax + batch;
      within("delivery_tail_events", partitions * tail);
      within("delivery_heads", partitions * (limits.headsMax + tail + batch));
      within("delivery_window_ids", partitions * (limits.windowOffsets + tail + batch));
      if (value("delivery_tail_events") >= limits.tailEventsMax) count("tail full");
      if (value("delivery_heads") >= limits.headsMax) count("heads full");
      if (value("delivery_window_ids") >= limits.windowOffsets) count("window full");
    }
    if (role !== "pool") {
      within("relay_held_characters", limits.holdBackTotalBytesMax);
      within("append_pending_characters", limits.appendPendingBytesMax);
      within("connections", limits.connectionsMax);
      within("outbox_own_rows", limits.outboxGatewayRowsMax);
      within("outbox_own_characters", limits.outboxGatewayBytesMax);
      if (value("relay_diverged_total") > 0) fail("G2", `${name}: the same seq had two offsets`);
    }
  }
}

/** What must be true of log and store when everything has come to rest. */
export function checkRest(world: World, clients: readonly SimClient[]): void {
  checkStore(world);
  checkFrozen(world);
  const letters = deadLetters(world);
  for (const client of clients) {
    for (const message of client.messages) checkMessage(world, client, message, letters);
    checkOrder(world, client);
  }
  for (const { key, placements } of world.submitted())
    if (placements !== 1) fail("G1", `${key} was submitted and placed ${placements} times`);
  if (world.outbox.parked.length > 0) fail("G8", "a row of the outbox was parked");
}

/** What is left when every client has gone. */
export function checkEmpty(world: World): void {
  for (const host of world.hosts) {
    if (host.gateway === undefined) continue;
    for (const metric of ["connections", "relay_conversations", "relay_held_characters"]) {
      const left = host.telemetry.value(`tidegate_${metric}`);
      if (left !== 0) fail("leak", `${host.name}: ${metric} is ${left} when all have gone`);
    }
    const joins = world.bus.joins(host.process);
    if (joins !== 0) fail("leak", `${host.name}: ${joins} joins of the backplane are left`);
  }
}

function checkStore(world: World): void {
  for (const { name, partitions } of world.oracle.topics()) {
    for (let partition = 0; partition < partitions; partition++) {
      const verdicts = world.oracle.verdicts(name, partition);
      const { events, nextOffset } = world.data.feed({ topic: name, partition }, 0, ALL);
      const where = `${name}/${partition}`;
      if (verdicts.length > 0 && nextOffset !== verdicts.length)
        fail("G1", `${where}: stored up to ${nextOffset} of ${verdicts.length}`);
      const placed = verdicts.filter((verdict) => verdict.kind === "placed");
      if (placed.length !== events.length)
        fail("G2", `${where}: ${events.length} rows where ${placed.length} were placed`);
      const seqs = new Map<string, number>();
      events.forEach((row, i) => {
        const seq = (seqs.get(row.conversation) ?? 0) + 1;
        seqs.set(row.conversation, seq);
        const truth = world.oracle.conversation(row.tenant, row.conversation);
        const same =
          row.tenant === tenantOfTopic(name) &&
          row.seq === seq &&
          row.offset === placed[i]?.offset &&
          row.event === truth?.lines[seq - 1] &&
          row.epoch === truth.epoch;
        if (!same) fail("G2", `${where}: the row at ${row.offset} is ${JSON.stringify(row)}`);
      });
    }
  }
}

/** A new sequencer that sees the whole log at once, and nothing else, comes to the stored rows. */
function checkFrozen(world: World): void {
  const { windowOffsets } = world.profile.limits;
  for (const { name, partitions } of world.oracle.topics()) {
    const tenant = tenantOfTopic(name) as string;
    const incarnation = world.disk.topics.get(name)?.info.incarnation as string;
    for (let partition = 0; partition < partitions; partition++) {
      const sequencer = new Sequencer({
        locate: (key) =>
          conversationFault(key) === undefined ? { tenant, conversation: key } : undefined,
        incarnation,
        windowOffsets,
        headsMax: ALL,
      });
      const rows = world.data.feed({ topic: name, partition }, 0, ALL).events;
      let at = 0;
      const verdicts = world.oracle.verdicts(name, partition);
      for (let from = 0; from < verdicts.length; from += 16) {
        const records: LogRecord[] = [];
        const offsets: number[] = [];
        for (const { record, offset } of verdicts.slice(from, from + 16)) {
          records.push(record);
          offsets.push(offset);
        }
        const prepared = sequencer.prepare(records, offsets);
        const known = knownBefore(rows, at, prepared.needs);
        const folded = sequencer.fold(prepared, known, from);
        for (const placed of folded.placed)
          if (!isSameRow(placed, rows[at++]))
            fail("frozen", `${name}/${partition}: folded anew, ${JSON.stringify(placed)}`);
        for (const { offset } of folded.refused)
          if (verdicts[offset]?.kind !== "refused")
            fail("frozen", `${name}/${partition}/${offset} is refused when folded anew`);
      }
      if (at !== rows.length) fail("frozen", `${name}/${partition}: ${at} of ${rows.length} rows`);
    }
  }
}

function isSameRow(a: PlacedEvent, b: PlacedEvent | undefined): boolean {
  return (
    a.tenant === b?.tenant &&
    a.conversation === b.conversation &&
    a.epoch === b.epoch &&
    a.seq === b.seq &&
    a.offset === b.offset &&
    a.id === b.id &&
    a.fingerprint === b.fingerprint &&
    a.event === b.event
  );
}

function knownBefore(
  rows: readonly { id: string; offset: number; fingerprint: string }[],
  count: number,
  needs: Needs | undefined,
): Known {
  const ids = new Map<string, { offset: number; fingerprint: string }>();
  const wanted = new Set(needs?.ids);
  for (const row of rows.slice(0, wanted.size === 0 ? 0 : count))
    if (wanted.has(row.id)) ids.set(row.id, row);
  // Every head stays in memory, so what is not there is new.
  return { heads: new Map(), ids };
}

function deadLetters(world: World): ReadonlySet<string> {
  const topic = world.disk.topics.get(deadLetterTopic(DELIVERY_POOL).name);
  const origins = new Set<string>();
  for (const { chunks } of topic?.partitions ?? [])
    for (const { records } of chunks)
      for (const { headers } of records) origins.add(headers["origin"] ?? "");
  for (const { name, partitions } of world.oracle.topics())
    for (let partition = 0; partition < partitions; partition++)
      for (const { kind, offset } of world.oracle.verdicts(name, partition))
        if (kind === "refused" && !origins.has(`${name}/${partition}/${offset}`))
          fail("G8", `${name}/${partition}/${offset} was refused and is in no dead-letter topic`);
  return origins;
}

function checkMessage(
  world: World,
  client: SimClient,
  message: Message,
  letters: ReadonlySet<string>,
): void {
  const topic = `chat.messages.${client.tenant}`;
  let placements = 0;
  for (const { receipt, content } of message.tries) {
    if (receipt === undefined) continue;
    const { at } = receipt;
    const same = world.oracle.verdictsOf(receipt.message);
    const isOf = ({ record }: Verdict) => record.value.endsWith(`"content":${content}}}`);
    const verdict = at
      ? world.oracle.verdict(topic, at.partition, at.offset)
      : (same.find((one) => one.kind !== "refused" && isOf(one)) ?? same.find(isOf));
    const where = at ? `${topic}/${at.partition}/${at.offset}` : `${topic} ${message.key}`;
    if (verdict === undefined || verdict.id !== receipt.message)
      fail("G1", `${client.name} has a receipt for ${where}, which is ${JSON.stringify(verdict)}`);
    if (!isOf(verdict)) fail("G1", `${where} has another content than ${content}`);
    if (verdict.kind === "refused") {
      if (at !== undefined && !letters.has(where)) fail("G1", `${where} was acked and vanished`);
      if (!message.conflicting) fail("G4", `${where} was refused without a conflict`);
      continue;
    }
    placements = world.oracle.placements(receipt.message);
    if (placements === 0) fail("G1", `${where} was acked and never placed`);
  }
  const overtaken = placements > 1 && wasOvertaken(world, message);
  if (overtaken) count("first try overtaken by more than the window");
  if (placements > 1 && !message.dishonest && !overtaken)
    fail("G4", `${message.key} was placed ${placements} times`);
  if (placements > 1) count("placed again by a first try beyond the window");
  if (message.refused && !message.conflicting)
    fail("G4", `${message.key} was refused without a conflict`);
}

/**
 * Whether the first try came into the log after a later one, and beyond the window: a gateway that
 * stood still for that long and then went on. The verdict cannot know, and says so by being placed.
 */
function wasOvertaken(world: World, message: Message): boolean {
  const id = message.tries.find(({ receipt }) => receipt !== undefined)?.receipt?.message;
  const tries = world.oracle.verdictsOf(id ?? "");
  const firsts = tries.filter(({ record }) => record.headers["tidegate"]?.startsWith("1 1 "));
  const { windowOffsets } = world.profile.limits;
  return (
    firsts.length === 1 &&
    tries.some((one) => (firsts[0]?.offset ?? 0) - one.offset > windowOffsets)
  );
}
