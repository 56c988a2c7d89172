import type { CircuitBreaker } from "../src/policy/circuit-breaker.ts";
import type { Counter, Telemetry } from "../src/ports/telemetry.ts";
import type { Lane } from "./lane.ts";
import type { OutboxPut } from "./outbox-put.ts";

/** What the fail-over shows to operators. */
interface Shown {
  readonly diverted: ReadonlySet<Lane>;
  readonly put: OutboxPut;
  /** Of the outbox's database. */
  readonly database: CircuitBreaker;
}

/** The numbers of a gateway's fail-over. */
export class FailoverMetrics {
  readonly failovers: Counter;
  readonly kept: Counter;
  readonly refused: Counter;
  readonly blind: Counter;

  constructor(telemetry: Telemetry, { diverted, put, database }: Shown) {
    const counter = (name: string, help: string) =>
      telemetry.counter({ name: `tidegate_${name}_total`, help });
    this.failovers = counter("failovers", "Times that a partition went from the log to the outbox");
    this.kept = counter("sends_kept", "Messages that were acked out of the outbox");
    this.refused = counter(
      "sends_unkept",
      "Messages that neither the log nor the outbox took in time",
    );
    this.blind = counter(
      "connects_blind",
      "Connections that went on without knowing what waits in the outbox",
    );
    const gauge = (name: string, help: string, read: () => number) =>
      telemetry.gauge({ name: `tidegate_${name}`, help }, read);
    gauge(
      "partitions_diverted",
      "Partitions whose sends do not go to the log",
      () => diverted.size,
    );
    gauge("partition_circuits_open", "Partitions whose circuit is not closed", () => {
      let open = 0;
      for (const lane of diverted) if (lane.circuit.state !== "closed") open++;
      return open;
    });
    gauge(
      "outbox_put_circuit_open",
      "1 while the circuit of this gateway's puts is not closed",
      () => (database.state === "closed" ? 0 : 1),
    );
    gauge("outbox_own_rows", "Rows that this gateway has in the outbox, at most", () => put.rows);
    gauge(
      "outbox_own_characters",
      "Characters that this gateway has in the outbox, at most",
      () => put.chars,
    );
  }
}
