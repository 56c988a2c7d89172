import { startAuditor } from "../../consumers/auditor/auditor.ts";
import { createMemoryDisk } from "../../src/adapters/memory/event-log-disk.ts";
import { createMemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import { MemoryMessageStore } from "../../src/adapters/memory/message-store.ts";
import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import { createMemoryTenantCatalog } from "../../src/adapters/memory/tenant-catalog.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { NOTHING_KNOWN, Sequencer } from "../../src/chat/sequencer.ts";
import { AppError } from "../../src/errors.ts";
import { limitsWith, type Limits } from "../../src/limits.ts";
import type { Consumer, ConsumerHandler, EventLog } from "../../src/ports/event-log.ts";
import type { MessageStore } from "../../src/ports/message-store.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import { encodeMessageRecord, recordTemplate } from "../../src/wire/record.ts";
import { SteppedClock } from "./stepped-clock.ts";

const TENANT = "acme";
const template = recordTemplate({
  tenant: TENANT,
  conversation: "general",
  sender: "ana",
  key: "general",
  source: "test",
});

function record(key: string): LogRecord {
  return encodeMessageRecord(template, {
    key,
    id: `${key}.scope`,
    attempt: 1,
    kind: "text",
    timestamp: 1_795_254_378_085,
    content: "{}",
    fingerprint: "f",
  });
}

/** A log of `count` messages, a repeat of the first, and a store that lacks what `omit` says. */
export async function startWith(
  count: number,
  omit: (offset: number) => boolean,
  changes: Partial<Limits>,
  look: (store: MessageStore) => MessageStore = (store) => store,
  clock = new SteppedClock(),
  logOf: (log: EventLog) => EventLog = (log) => log,
) {
  const limits = limitsWith(changes);
  const telemetry = createMemoryTelemetry();
  const random = createSystemRandom();
  const log = createMemoryEventLog({ clock, disk: createMemoryDisk(), random });
  const store = new MemoryMessageStore();
  const options = { log, partitions: 1, retentionMs: 60_000, retentionBytes: undefined };
  const catalog = await clock.settled(createMemoryTenantCatalog(options));
  const { topic } = await clock.settled(catalog.place(TENANT));
  const records = Array.from({ length: count }, (_, i) => record(`k${i}`));
  records.push(record("k0"));
  await clock.settled(log.append(topic, 0, records));

  const info = await clock.settled(log.describeTopic(topic));
  if (info === undefined) throw new Error(`there is no ${topic}`);
  const { incarnation } = info;
  const sequencer = new Sequencer({
    locate: (key) => ({ tenant: TENANT, conversation: key }),
    incarnation,
    windowOffsets: limits.windowOffsets,
    headsMax: limits.headsMax,
  });
  const offsets = records.map((_, i) => i);
  const folded = sequencer.fold(sequencer.prepare(records, offsets), NOTHING_KNOWN, 0);
  const { ownerEpoch } = await store.acquire({ topic, partition: 0 });
  let seq = 0;
  await store.commit({
    topic,
    partition: 0,
    incarnation,
    ownerEpoch,
    expectedOffset: 0,
    nextOffset: records.length,
    lastId: "k0.scope",
    events: folded.placed
      .filter((event) => !omit(event.offset))
      .map((event) => ({ ...event, seq: ++seq })),
  });
  const auditor = await startAuditor({
    member: "a",
    log: logOf(log),
    store: look(store),
    catalog,
    clock,
    limits,
    telemetry,
  });
  const total = (name: string) => telemetry.value(`tidegate_audit_${name}_total`) ?? 0;
  return { clock, auditor, total, records: records.length, topic: info };
}

/** A log whose group takes no commits until it is let, and that shows what the auditor consumes with. */
export function stubborn(log: EventLog) {
  const state = { refuses: true, refused: 0, handler: undefined as ConsumerHandler | undefined };
  const wrapped: EventLog = Object.assign(Object.create(log) as EventLog, {
    range: (topic: string, partition: number) => log.range(topic, partition),
    committed: (group: string, topic: string, partition: number) =>
      log.committed(group, topic, partition),
    async consume(options: Parameters<EventLog["consume"]>[0]): Promise<Consumer> {
      state.handler = options.handler;
      const consumer = await log.consume(options);
      return {
        setTopics: (topics) => consumer.setTopics(topics),
        pause: (topic, partition) => consumer.pause(topic, partition),
        resume: (topic, partition) => consumer.resume(topic, partition),
        restart: (topic, partition) => consumer.restart(topic, partition),
        lastHeartbeat: () => consumer.lastHeartbeat(),
        owns: (topic, partition) => consumer.owns(topic, partition),
        close: () => consumer.close(),
        commit(topic, partition, nextOffset) {
          if (!state.refuses) return consumer.commit(topic, partition, nextOffset);
          state.refused++;
          return Promise.reject(new AppError("log_unavailable", "the group takes no commits now"));
        },
      };
    },
  });
  return { state, wrapped };
}

export const FAULTS = ["lost", "duplicate", "reordered", "altered", "skipped"] as const;
