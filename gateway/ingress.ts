import { AppError } from "../src/errors.ts";
import type { Limits } from "../src/limits.ts";
import { partitionOf } from "../src/policy/partitioner.ts";
import type { Moment } from "../src/ports/clock.ts";
import type { Digest } from "../src/ports/digest.ts";
import type { Telemetry } from "../src/ports/telemetry.ts";
import { recordKey } from "../src/tenants.ts";
import type { SendCommand } from "../src/wire/command.ts";
import { idEndOf, scopeInput } from "../src/wire/message-id.ts";
import { MessageRecord } from "../src/wire/message-record.ts";
import { recordTemplate, type LogRecord } from "../src/wire/record.ts";
import { withTraceContext } from "../src/wire/trace-context.ts";
import { KnownRoutes } from "./known-routes.ts";
import type { Completion, Producer } from "./producer.ts";
import type { Route } from "./route.ts";
import type { TenantState } from "./tenant-state.ts";
import type { IngressTrace } from "./trace/ingress-trace.ts";

export interface IngressOptions {
  readonly producer: Producer;
  readonly digest: Digest;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
  /** Name of this gateway in the records' metadata. */
  readonly source: string;
  /** Undefined: nothing is traced. */
  readonly trace?: IngressTrace | undefined;
}

/** Turns accepted messages into records: the one way into the log, for sockets and HTTP alike. */
export class Ingress {
  readonly #options: IngressOptions;
  readonly #accepted: { value: number };
  readonly #limited: { value: number };
  readonly #routes: KnownRoutes;
  #draining = false;

  constructor(options: IngressOptions) {
    this.#options = options;
    this.#routes = new KnownRoutes(
      (tenant, sender, conversation) => this.#workOut(tenant, sender, conversation),
      options.limits.routesKnownMax,
    );
    const { telemetry } = options;
    this.#accepted = telemetry.counter({
      name: "tidegate_sends_accepted_total",
      help: "Messages handed to the log",
    });
    this.#limited = telemetry.counter({
      name: "tidegate_sends_rate_limited_total",
      help: "Messages refused because a rate was spent",
    });
  }

  /** Takes no message from now on. */
  drain(): void {
    this.#draining = true;
  }

  route(tenant: TenantState, sender: string, conversation: string): Route {
    return this.#routes.of(tenant, sender, conversation);
  }

  #workOut(tenant: TenantState, sender: string, conversation: string): Route {
    const { digest, source } = this.#options;
    const { name, placement } = tenant;
    const own = detach(conversation);
    const key = recordKey(placement, name, own);
    return {
      tenant,
      conversation: own,
      topic: placement.topic,
      partition: partitionOf(key, placement.partitions),
      idEnd: idEndOf(digest.scope(scopeInput(name, own, sender))),
      template: recordTemplate({ tenant: name, conversation: own, sender, key, source }),
    };
  }

  /** The id that this message has, on every try. */
  idOf(route: Route, key: string): string {
    return key + route.idEnd;
  }

  /** Counts what the tenant's rate refused, when nobody waits to try it again. */
  countRefused(tenant: TenantState, error: AppError): void {
    if (error.code !== "rate_limited") return;
    this.#limited.value++;
    tenant.tally.rateLimited++;
  }

  /**
   * @param at when it came in, which becomes its timestamp
   * @returns an error when the message was not taken; else `completion` is called once, later
   */
  submit(
    route: Route,
    id: string,
    command: Omit<SendCommand, "id" | "verb" | "conversation">,
    completion: Completion,
    at: Moment,
  ): AppError | undefined {
    if (this.#draining) return new AppError("draining");
    const { digest, producer, trace: ingressTrace } = this.#options;
    const wait = route.tenant.sends.take(at.monotonic, route.tenant.rate);
    if (wait > 0)
      return new AppError("rate_limited", "the tenant sends too many messages", {
        limit: route.tenant.rate.perSecond,
        retryAfterMs: wait,
      });
    const record = new MessageRecord(route.template, {
      key: command.key,
      id,
      attempt: command.attempt,
      kind: command.kind,
      timestamp: at.now,
      content: command.content,
      fingerprint: digest.fingerprint(command.kind + command.content),
    });
    const refused =
      ingressTrace === undefined
        ? producer.send(route.topic, route.partition, record, completion)
        : this.#sendTraced(ingressTrace, route, id, command.traceparent, record, completion);
    if (refused !== undefined) return refused;
    this.#accepted.value++;
    const { tally } = route.tenant;
    tally.sends++;
    tally.sendCharacters += record.valueLength;
    return undefined;
  }

  #sendTraced(
    ingressTrace: IngressTrace,
    route: Route,
    id: string,
    traceparent: string | undefined,
    record: LogRecord,
    completion: Completion,
  ): AppError | undefined {
    const { producer } = this.#options;
    const { topic, partition } = route;
    const trace = ingressTrace.begin(id, route, traceparent, completion);
    const refused =
      trace === undefined
        ? producer.send(topic, partition, record, completion)
        : producer.send(topic, partition, withTraceContext(record, trace.context), trace);
    if (refused !== undefined) ingressTrace.refused(id, route, trace, refused);
    return refused;
  }
}

/** A copy of its own: a slice of a frame, kept in a route or a head, would keep the whole frame. */
function detach(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}
