import { Bag } from "../src/bag.ts";
import { AppError, asAppError, type ErrorCode } from "../src/errors.ts";
import type { Limits } from "../src/limits.ts";
import { CIRCUIT_POLICY, CircuitBreaker } from "../src/policy/circuit-breaker.ts";
import type { Clock, Timer } from "../src/ports/clock.ts";
import type { EventLog } from "../src/ports/event-log.ts";
import type { Outbox, PendingPartition } from "../src/ports/outbox.ts";
import type { Telemetry } from "../src/ports/telemetry.ts";
import { valueLength } from "../src/wire/message-record.ts";
import type { LogRecord } from "../src/wire/record.ts";
import { FailoverMetrics } from "./failover-metrics.ts";
import { Lane, type Flight } from "./lane.ts";
import { OutboxPut } from "./outbox-put.ts";
import { OutboxView } from "./outbox-view.ts";

/** What an append resolves to when the outbox has its records: they have no offset yet. */
export const IN_OUTBOX = -1;

export interface FailoverOptions {
  readonly log: Pick<EventLog, "append">;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
  /** `hybrid`: the outbox while the log is away; `database`: the outbox for everything. */
  readonly mode: "hybrid" | "database";
}

const TICK_MS = 50;
/** Who connects while the circuit is open is not asked to wait, and so is not sure of the order. */
const DATABASE_POLICY = { ...CIRCUIT_POLICY, resetFirstMs: 250, resetMaxMs: 1_000 };
/** Before sends are held for a partition's last rows once more, when that was in vain. */
const HOLD_AGAIN_MS = 1_000;
/** Outcomes after which the same append may succeed elsewhere. */
const AWAY: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "log_unavailable",
  "unknown_outcome",
  "disk_full",
]);

/**
 * Appends to the log, and to the outbox while the log is away, so that every append has its answer
 * within two seconds and the order of each partition's appends stays (`docs/adr/0007-outbox.md`).
 */
export class Failover {
  readonly #options: FailoverOptions;
  readonly #lanes = new Map<string, Lane[]>();
  /** Lanes that are not in the state `log`. */
  readonly #diverted = new Set<Lane>();
  readonly #flying = new Bag<Flight>();
  readonly #view: OutboxView;
  readonly #put: OutboxPut;
  readonly #metrics: FailoverMetrics;
  readonly #tick: Timer;

  constructor(options: FailoverOptions) {
    const { outbox, clock, limits, telemetry } = options;
    this.#options = options;
    const circuit = new CircuitBreaker(DATABASE_POLICY);
    this.#view = new OutboxView({
      outbox,
      clock,
      circuit,
      waitMs: limits.outboxWaitMs,
      begins: () => this.#lookBegins(),
      looked: (number, pending) => this.#looked(number, pending),
    });
    this.#put = new OutboxPut({
      outbox,
      clock,
      circuit,
      limits,
      lanes: this.#diverted,
      kept: (flight) => this.#kept(flight),
      refused: (flight, error) => this.#reject(flight, error),
      settled: (lanes, kept) => {
        if (kept) for (const lane of lanes) this.#changed(lane);
      },
    });
    this.#metrics = new FailoverMetrics(telemetry, {
      diverted: this.#diverted,
      put: this.#put,
      database: circuit,
    });
    this.#tick = clock.every(TICK_MS, () => this.#onTick());
  }

  /** Partitions whose appends do not go to the log now. */
  get diverted(): number {
    return this.#diverted.size;
  }

  /**
   * As `EventLog.append`, within `sendAnswerMs`.
   *
   * @param takenAt monotonic ms from which that time counts; now, when left out
   * @returns also {@link IN_OUTBOX}
   */
  append(
    topic: string,
    partition: number,
    records: readonly LogRecord[],
    takenAt?: number,
  ): Promise<number> {
    const { clock, limits } = this.#options;
    const lane = this.#laneOf(topic, partition);
    let chars = 0;
    for (const record of records) chars += valueLength(record);
    const startedAt = clock.monotonic();
    const answerBy = (takenAt ?? startedAt) + limits.sendAnswerMs;
    return new Promise((resolve, reject) => {
      const serial = ++lane.lastSerial;
      this.#take({
        lane,
        serial,
        records,
        chars,
        startedAt,
        answerBy,
        resolve,
        reject,
        flying: false,
        bagAt: -1,
        answered: false,
        error: undefined,
      });
    });
  }

  /** Whether what is appended there now does not go to the log. */
  diverts(topic: string, partition: number): boolean {
    const lane = this.#lanes.get(topic)?.[partition];
    return lane !== undefined && lane.state !== "log";
  }

  /**
   * Resolves when this gateway knows of all rows that were in the outbox before this call: what is
   * appended from then on stands behind them. When the outbox does not answer in `outboxWaitMs`, it
   * goes on by what was known last.
   */
  async fresh(): Promise<void> {
    if (!(await this.#view.fresh())) this.#metrics.blind.value++;
  }

  close(): void {
    this.#tick.cancel();
  }

  #laneOf(topic: string, partition: number): Lane {
    let lanes = this.#lanes.get(topic);
    if (lanes === undefined) this.#lanes.set(topic, (lanes = []));
    let lane = lanes[partition];
    if (lane === undefined) {
      lane = lanes[partition] = new Lane(topic, partition);
      if (this.#options.mode === "database") this.#divert(lane);
    }
    return lane;
  }

  #take(flight: Flight): void {
    const { lane } = flight;
    if (lane.state === "outbox") this.#tryReturn(lane);
    if (lane.state === "log") return this.#fly(flight);
    if ((lane.full || lane.drain.isOn) && lane.state === "outbox") {
      const message = lane.drain.isOn
        ? "what was kept while the log was away goes before it"
        : "the log cannot be reached, and no more can be kept for it";
      return this.#reject(
        flight,
        new AppError("log_unavailable", message, { retryAfterMs: 2_000 }),
      );
    }
    lane.waiting.push(flight);
    this.#advance(lane);
  }

  #fly(flight: Flight): void {
    const { lane } = flight;
    flight.flying = true;
    lane.flying++;
    this.#flying.add(flight);
    this.#options.log.append(lane.topic, lane.partition, flight.records).then(
      (base) => this.#landed(flight, base),
      (error: unknown) => this.#failed(flight, asAppError(error)),
    );
  }

  #landed(flight: Flight, base: number): void {
    if (!this.#ground(flight)) return;
    const { lane } = flight;
    lane.landed = Math.max(lane.landed, flight.serial);
    lane.circuit.succeeded(this.#options.clock.monotonic());
    flight.answered = true;
    flight.resolve(base);
    if (lane.state === "log") return;
    // What failed before this one would come behind it now: its client has to send it again.
    while (lane.waiting[0] !== undefined && lane.waiting[0].serial < flight.serial) {
      const failed = lane.waiting.shift() as Flight;
      this.#reject(failed, failed.error ?? new AppError("log_unavailable"));
    }
    if (lane.state === "trial" && lane.circuit.state === "closed") this.#open(lane);
    else this.#advance(lane);
  }

  #failed(flight: Flight, error: AppError): void {
    if (!this.#ground(flight)) return;
    const { lane } = flight;
    if (!AWAY.has(error.code)) {
      lane.circuit.released(this.#options.clock.monotonic());
      this.#reject(flight, error);
      this.#advance(lane);
      return;
    }
    lane.circuit.failed(this.#options.clock.monotonic());
    if (flight.serial < lane.landed) this.#reject(flight, error);
    else {
      flight.error = error;
      lane.await(flight);
      if (lane.state === "log") {
        this.#metrics.failovers.value++;
        this.#divert(lane);
      } else if (lane.state === "trial") lane.state = "outbox";
    }
    this.#advance(lane);
  }

  /** Ends an append's time in the log. @returns false when it was over already */
  #ground(flight: Flight): boolean {
    if (!flight.flying) return false;
    flight.flying = false;
    flight.lane.flying--;
    this.#flying.delete(flight);
    return true;
  }

  /** Lets go on what may, now that something of the lane has changed. */
  #advance(lane: Lane): void {
    if (lane.flying > 0) return;
    if (lane.state === "trial" && lane.waiting.length > 0) {
      if (lane.circuit.admit(this.#options.clock.monotonic()))
        return this.#fly(lane.waiting.shift() as Flight);
      lane.state = "outbox";
    }
    if (lane.state === "outbox") this.#put.wake();
  }

  #divert(lane: Lane): void {
    lane.state = "outbox";
    lane.done = undefined;
    lane.drain.reset();
    this.#diverted.add(lane);
  }

  /** Back to the log, as soon as no row stands before what is appended from now on. */
  #tryReturn(lane: Lane): void {
    if (this.#options.mode === "database") return;
    if (!lane.clear || lane.putting > 0 || lane.flying > 0 || !lane.isFresh) return;
    if (lane.circuit.state === "closed") this.#open(lane);
    else if (this.#options.clock.monotonic() >= lane.circuit.nextTryAt) {
      lane.state = "trial";
      this.#advance(lane);
    } else if (lane.state === "hold") this.#unhold(lane);
  }

  #open(lane: Lane): void {
    lane.state = "log";
    lane.full = false;
    this.#diverted.delete(lane);
    this.#put.shrink(lane, 0, 0);
    for (const flight of lane.waiting.splice(0)) this.#fly(flight);
  }

  #unhold(lane: Lane): void {
    lane.state = "outbox";
    lane.holdAgainAt = this.#options.clock.monotonic() + HOLD_AGAIN_MS;
    this.#advance(lane);
  }

  /** The outbox has more of this lane: only a look that begins from now on shows all of it. */
  #changed(lane: Lane): void {
    lane.clear = false;
    lane.needsLook = this.#view.begun + 1;
  }

  #lookBegins(): void {
    for (const lane of this.#diverted) lane.rowsSinceLook = lane.putting;
  }

  #looked(number: number, pending: readonly PendingPartition[]): void {
    const waiting = new Map<Lane, PendingPartition>();
    for (const one of pending) waiting.set(this.#laneOf(one.topic, one.partition), one);
    for (const [lane, one] of waiting) this.#isWaiting(lane, one);
    for (const lane of this.#diverted) {
      if (waiting.has(lane) || lane.putting > 0 || number < lane.needsLook) continue;
      lane.clear = true;
      lane.drain.reset();
      this.#put.shrink(lane, 0, 0);
      this.#tryReturn(lane);
    }
  }

  #isWaiting(lane: Lane, { rows, chars, done }: PendingPartition): void {
    lane.clear = false;
    if (lane.state === "log" || lane.state === "trial") this.#divert(lane);
    this.#put.shrink(lane, rows + lane.rowsSinceLook, chars + lane.chars);
    const isMoving = lane.done !== undefined && done > lane.done;
    lane.done = done;
    const { limits, clock, mode } = this.#options;
    const now = clock.monotonic();
    if (mode === "database" || lane.state === "hold") return;
    if (rows > limits.outboxHoldRowsMax) return lane.drain.looked(rows, done, now);
    lane.drain.reset();
    // Also while a put is on its way, as under load one always is.
    if (!isMoving || now < lane.holdAgainAt || !lane.isFresh) return;
    if (lane.circuit.state !== "closed" && now < lane.circuit.nextTryAt) return;
    lane.state = "hold";
    lane.full = false;
    lane.heldSince = now;
  }

  #kept(flight: Flight): void {
    if (flight.answered) return;
    flight.answered = true;
    this.#metrics.kept.value += flight.records.length;
    flight.resolve(IN_OUTBOX);
  }

  #reject(flight: Flight, error: AppError): void {
    if (flight.answered) return;
    flight.answered = true;
    if (flight.lane.state !== "log") this.#metrics.refused.value += flight.records.length;
    flight.reject(error);
  }

  #onTick(): void {
    const { clock, limits } = this.#options;
    const now = clock.monotonic();
    const late = this.#flying.items
      .filter(({ startedAt }) => now - startedAt >= limits.appendOutcomeMs)
      .sort((a, b) => a.startedAt - b.startedAt || a.serial - b.serial);
    for (const flight of late) this.#failed(flight, new AppError("unknown_outcome"));
    for (const flight of this.#put.putting)
      if (flight.answerBy <= now) this.#reject(flight, new AppError("unknown_outcome"));
    let isHolding = false;
    for (const lane of this.#diverted) {
      while (lane.waiting[0] !== undefined && lane.waiting[0].answerBy <= now) {
        const late = lane.waiting.shift() as Flight;
        this.#reject(late, late.error ?? new AppError("log_unavailable"));
      }
      if (lane.state !== "hold") continue;
      isHolding = true;
      if (now - lane.heldSince >= limits.outboxHoldMs) this.#unhold(lane);
    }
    if (this.#diverted.size === 0) return;
    if (isHolding || now - this.#view.beganAt >= limits.outboxRefreshMs) this.#view.look();
  }
}
