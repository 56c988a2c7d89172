import { AppError, asAppError } from "../src/errors.ts";
import type { Limits } from "../src/limits.ts";
import type { CircuitBreaker } from "../src/policy/circuit-breaker.ts";
import type { Clock } from "../src/ports/clock.ts";
import type { Outbox, OutboxRow } from "../src/ports/outbox.ts";
import { raiseAttempt } from "../src/wire/record.ts";
import type { Flight, Lane } from "./lane.ts";

export interface OutboxPutOptions {
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly circuit: CircuitBreaker;
  readonly limits: Limits;
  /** Lanes that may have something for the outbox. */
  readonly lanes: ReadonlySet<Lane>;
  /** The outbox has the append. */
  readonly kept: (flight: Flight) => void;
  readonly refused: (flight: Flight, error: AppError) => void;
  /** A put that held rows of these lanes is over. */
  readonly settled: (lanes: ReadonlySet<Lane>, kept: boolean) => void;
}

/** Puts what waits into the outbox: one put at a time, of everything that came meanwhile. */
export class OutboxPut {
  readonly #options: OutboxPutOptions;
  #putting: readonly Flight[] = [];
  #busy = false;
  /** What this gateway has in the outbox, at most. */
  #rows = 0;
  #chars = 0;

  constructor(options: OutboxPutOptions) {
    this.#options = options;
  }

  get rows(): number {
    return this.#rows;
  }

  get chars(): number {
    return this.#chars;
  }

  /** What is on its way into the outbox. */
  get putting(): readonly Flight[] {
    return this.#putting;
  }

  wake(): void {
    if (!this.#busy) void this.#run();
  }

  /** Takes in that a lane has no more than this in the outbox. */
  shrink(lane: Lane, rows: number, chars: number): void {
    this.#rows -= Math.max(0, lane.rows - rows);
    this.#chars -= Math.max(0, lane.chars - chars);
    lane.rows = Math.min(lane.rows, rows);
    lane.chars = Math.min(lane.chars, chars);
    const { outboxGatewayRowsMax, outboxGatewayBytesMax } = this.#options.limits;
    if (this.#rows <= outboxGatewayRowsMax / 2 && this.#chars <= outboxGatewayBytesMax / 2)
      lane.full = false;
  }

  async #run(): Promise<void> {
    this.#busy = true;
    for (;;) {
      const flights = this.#gather();
      if (flights.length === 0) break;
      this.#putting = flights;
      await this.#put(flights);
      this.#putting = [];
    }
    this.#busy = false;
  }

  /** What may go now, of each lane in order. Nothing may while an earlier append has no outcome. */
  #gather(): readonly Flight[] {
    const { lanes, limits, refused } = this.#options;
    const flights: Flight[] = [];
    let rows = 0;
    let chars = 0;
    for (const lane of lanes) {
      if (lane.state !== "outbox" || lane.flying > 0) continue;
      let taken = 0;
      for (const flight of lane.waiting) {
        if (rows > 0 && rows + flight.records.length > limits.outboxPutRowsMax) break;
        taken++;
        if (!this.#fits(rows + flight.records.length, chars + flight.chars)) {
          lane.full = true;
          refused(flight, full(flight));
          continue;
        }
        rows += flight.records.length;
        chars += flight.chars;
        flights.push(flight);
      }
      lane.waiting.splice(0, taken);
    }
    return flights;
  }

  #fits(rows: number, chars: number): boolean {
    const { outboxGatewayRowsMax, outboxGatewayBytesMax } = this.#options.limits;
    return (
      this.#rows + rows <= outboxGatewayRowsMax && this.#chars + chars <= outboxGatewayBytesMax
    );
  }

  async #put(flights: readonly Flight[]): Promise<void> {
    const { outbox, clock, circuit, refused, kept, settled } = this.#options;
    if (!circuit.admit(clock.monotonic())) {
      for (const flight of flights) refused(flight, away(flight));
      return;
    }
    const lanes = new Set(flights.map(({ lane }) => lane));
    for (const flight of flights) this.#count(flight, 1);
    const error = await putOf(outbox, flights);
    if (error === undefined || error.code === "overloaded" || error.code === "row_refused")
      circuit.succeeded(clock.monotonic());
    else circuit.failed(clock.monotonic());
    const isSplit = error?.code === "row_refused" && flights.length > 1;
    for (const flight of flights) {
      // What goes one by one from here on is on its way until its own put is over.
      if (!isSplit) flight.lane.putting -= flight.records.length;
      // What may have been kept counts until a look shows that it was not.
      if (error !== undefined && error.code !== "unknown_outcome") this.#count(flight, -1);
    }
    settled(lanes, error === undefined);
    if (error === undefined) for (const flight of flights) kept(flight);
    else if (isSplit) {
      // One append that the database does not take must not refuse its neighbours'.
      for (const flight of flights) {
        flight.lane.putting -= flight.records.length;
        await this.#put([flight]);
      }
    } else
      for (const flight of flights) {
        if (error.code === "overloaded") flight.lane.full = true;
        refused(flight, refusal(flight, error));
      }
  }

  #count(flight: Flight, sign: 1 | -1): void {
    const { lane, records, chars } = flight;
    const rows = records.length * sign;
    this.#rows += rows;
    this.#chars += chars * sign;
    lane.rows += rows;
    lane.chars += chars * sign;
    lane.rowsSinceLook += rows;
    if (sign > 0) lane.putting += rows;
  }
}

async function putOf(outbox: Outbox, flights: readonly Flight[]): Promise<AppError | undefined> {
  const rows: OutboxRow[] = [];
  for (const { lane, records } of flights)
    for (const record of records)
      rows.push({
        topic: lane.topic,
        partition: lane.partition,
        // A record that is not one of ours stays as it is: its verdict needs no attempt.
        record: raiseAttempt(record) ?? record,
      });
  try {
    await outbox.put(rows);
    return undefined;
  } catch (error) {
    return asAppError(error);
  }
}

/** What may be in the log already is not refused as certainly not taken. */
function away(flight: Flight): AppError {
  return flight.error ?? new AppError("log_unavailable", undefined, { retryAfterMs: 1_000 });
}

function full(flight: Flight): AppError {
  const message = "the log cannot be reached, and no more can be kept for it";
  return flight.error?.code === "unknown_outcome"
    ? flight.error
    : new AppError("log_unavailable", message, { retryAfterMs: 2_000 });
}

function refusal(flight: Flight, error: AppError): AppError {
  if (error.code === "overloaded") return full(flight);
  return error.code === "unknown_outcome" ? error : away(flight);
}
