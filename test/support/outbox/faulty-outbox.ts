import type { Outbox } from "../../../src/ports/outbox.ts";

/** What is to happen to the outbox's calls instead of the usual. */
export interface OutboxFaults {
  /** Rejects puts with this, before they are kept. */
  putError?: Error | undefined;
  /** Rejects looks with this. */
  pendingError?: Error | undefined;
  /** Holds puts back until it resolves. */
  putGate?: Promise<void> | undefined;
  /** Holds looks back until it resolves; they see what there is afterwards. */
  pendingGate?: Promise<void> | undefined;
  puts: number;
  looks: number;
}

/** An outbox whose faults can be chosen while it runs. */
export function faultyOutbox(inner: Outbox): Outbox & { readonly faults: OutboxFaults } {
  const faults: OutboxFaults = { puts: 0, looks: 0 };
  return {
    faults,
    async put(rows) {
      faults.puts++;
      await faults.putGate;
      if (faults.putError !== undefined) throw faults.putError;
      await inner.put(rows);
    },
    async pending() {
      faults.looks++;
      await faults.pendingGate;
      if (faults.pendingError !== undefined) throw faults.pendingError;
      return inner.pending();
    },
    publish: (...args) => inner.publish(...args),
    submit: (messages) => inner.submit(messages),
    stage: (...args) => inner.stage(...args),
    parked: (rowsMax) => inner.parked(rowsMax),
    stats: () => inner.stats(),
    close: () => inner.close(),
  };
}
