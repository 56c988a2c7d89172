import { Failover, IN_OUTBOX } from "../../../gateway/failover.ts";
import { createMemoryOutbox } from "../../../src/adapters/memory/outbox.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { AppError, asAppError, type ErrorCode } from "../../../src/errors.ts";
import { limitsWith, type Limits } from "../../../src/limits.ts";
import type { LogRecord } from "../../../src/wire/record.ts";
import { Scheduler, schedulerClock } from "../../simulation/scheduler.ts";
import { faultyOutbox } from "./faulty-outbox.ts";

/** The partition that tests use. */
export const P = { topic: "t", partition: 0 };
/** Between two looks of the fail-over at its deadlines, in ms. */
export const TICK = 50;

/** A record of the message that has this name as its id. */
export function recordOf(name: string, attempt = 1): LogRecord {
  const head = `{"id":"${name}","type":"message.sent"`;
  const value = `${head},"x":1,"key":"${name}","content":{}}}`;
  const header = `1 ${attempt} abc ${name} ${head.length} ${value.indexOf('"key"')}`;
  return { key: "k", headers: { tidegate: header }, value };
}

/** A fail-over between a log whose appends the test settles and an outbox with faults. */
export function setUp(changes: Partial<Limits> = {}, mode: "hybrid" | "database" = "hybrid") {
  const scheduler = new Scheduler();
  const clock = schedulerClock(scheduler);
  const limits = limitsWith(changes);
  const inner = createMemoryOutbox({ clock, limits });
  const outbox = faultyOutbox(inner);
  const telemetry = createMemoryTelemetry();
  const appends: { names: string[]; partition: number; settle: PromiseWithResolvers<number> }[] =
    [];
  const log = {
    append(_topic: string, partition: number, records: readonly LogRecord[]) {
      const settle = Promise.withResolvers<number>();
      appends.push({ names: records.map(({ value }) => idOf(value)), partition, settle });
      return settle.promise;
    },
  };
  const failover = new Failover({ log, outbox, clock, limits, telemetry, mode });
  const outcomes: string[] = [];
  const at = new Map<string, number>();
  const append = (name: string, partition = 0): void => {
    const began = scheduler.now;
    const tell = (what: string): void => {
      outcomes.push(`${name} ${what}`);
      at.set(name, scheduler.now - began);
    };
    failover.append("t", partition, [recordOf(name)]).then(
      (base) => tell(base === IN_OUTBOX ? "outbox" : `log ${base}`),
      (error: unknown) => tell(asAppError(error).code),
    );
  };
  /** Publishes everything that waits. */
  const publish = async (rowsMax = 1_000): Promise<string[]> => {
    const names: string[] = [];
    await inner.publish(P, rowsMax, (entries) => {
      names.push(...entries.map((entry) => idOf(entry.record.value)));
      return Promise.resolve({ done: entries.length, parked: [] });
    });
    return names;
  };
  const fail = (i: number, code: ErrorCode): void => appends[i]?.settle.reject(new AppError(code));
  return {
    scheduler,
    outbox,
    inner,
    telemetry,
    appends,
    failover,
    outcomes,
    at,
    append,
    publish,
    fail,
  };
}

/** The id in a record's value. */
export const idOf = (value: string): string => /"id":"([^"]*)"/.exec(value)?.[1] ?? "";

/** What is in the outbox, in order, with its attempt. */
export function rows({ inner }: ReturnType<typeof setUp>, partition = 0): string[] {
  const kept = inner.data.partitions.get(`t/${partition}`)?.rows ?? [];
  return kept.map(({ record }) => {
    const [, attempt, , id] = record.headers["tidegate"]?.split(" ") ?? [];
    return `${id} ${attempt}`;
  });
}
