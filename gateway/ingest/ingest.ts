import { AppError } from "../../src/errors.ts";
import type { Identity } from "../../src/ports/authenticator.ts";
import { IngestBody } from "./body.ts";
import { IngestBudget } from "./budget.ts";
import { EventTopics } from "./event-topics.ts";
import type { IngestOptions, IngestParts } from "./parts.ts";
import type { ReceiptSink } from "./receipt-sink.ts";

/** Takes bodies of events: what HTTP needs of a gateway for `POST /v1/events`. */
export interface IngestService {
  /**
   * Hands a body over to `use`, and counts it until that is done.
   * @throws overloaded when too many are being read; what the catalog throws
   */
  take<T>(
    identity: Identity,
    request: string,
    receipts: ReceiptSink | undefined,
    use: (body: IngestBody) => Promise<T>,
  ): Promise<T>;
}

export class Ingest implements IngestService {
  readonly #parts: IngestParts;
  readonly #bodies = new Set<IngestBody>();
  /** By tenant, with those that are being admitted. */
  readonly #counts = new Map<string, number>();
  #count = 0;

  constructor(options: IngestOptions) {
    const { telemetry, partitionsMax, ...rest } = options;
    const { log, limits } = rest;
    const budget = new IngestBudget(limits.ingestPendingBytesMax);
    this.#parts = {
      ...rest,
      budget,
      topics: new EventTopics({ log, limits, partitionsMax }),
      published: telemetry.counter({
        name: "tidegate_events_published_total",
        help: "Events over HTTP that are in topics of their own, not chat's",
      }),
      refused: telemetry.counter({
        name: "tidegate_ingest_refused_lines_total",
        help: "Lines of bodies of events that were refused",
      }),
    };
    this.#parts.gateway.whenDraining(() => {
      for (const body of this.#bodies) body.stop(new AppError("draining"));
    });
    telemetry.gauge(
      { name: "tidegate_ingest_bodies", help: "Bodies of events that are being read" },
      () => this.#bodies.size,
    );
    telemetry.gauge(
      {
        name: "tidegate_ingest_pending_characters",
        help: "Characters of bodies' events that wait for the log",
      },
      () => budget.taken,
    );
  }

  async take<T>(
    identity: Identity,
    request: string,
    receipts: ReceiptSink | undefined,
    use: (body: IngestBody) => Promise<T>,
  ): Promise<T> {
    const body = await this.#open(identity, request, receipts);
    try {
      return await use(body);
    } finally {
      this.#bodies.delete(body);
      this.#left(identity.tenant);
    }
  }

  async #open(
    identity: Identity,
    request: string,
    receipts: ReceiptSink | undefined,
  ): Promise<IngestBody> {
    const { gateway } = this.#parts;
    if (gateway.draining) throw new AppError("draining");
    this.#enter(identity.tenant);
    try {
      const session = await gateway.admit(identity);
      // It may have begun meanwhile, and would not be heard of any more.
      if (gateway.draining) throw new AppError("draining");
      const body = new IngestBody(this.#parts, session, request, receipts);
      this.#bodies.add(body);
      return body;
    } catch (error) {
      this.#left(identity.tenant);
      throw error;
    }
  }

  /** @throws overloaded */
  #enter(tenant: string): void {
    const { ingestBodiesMax, ingestBodiesPerTenantMax } = this.#parts.limits;
    const count = this.#counts.get(tenant) ?? 0;
    if (count >= ingestBodiesPerTenantMax)
      throw new AppError("overloaded", "too many of the tenant's bodies are being read", {
        limit: ingestBodiesPerTenantMax,
      });
    if (this.#count >= ingestBodiesMax)
      throw new AppError("overloaded", "too many bodies of events are being read", {
        limit: ingestBodiesMax,
      });
    this.#counts.set(tenant, count + 1);
    this.#count++;
  }

  #left(tenant: string): void {
    this.#count--;
    const count = (this.#counts.get(tenant) ?? 0) - 1;
    if (count > 0) this.#counts.set(tenant, count);
    else this.#counts.delete(tenant);
  }
}
