import type { AppError } from "../../src/errors.ts";
import type { TraceContext } from "../../src/wire/trace-context.ts";
import type { Completion } from "../producer.ts";

/** What a trace tells of where a message goes. */
export interface TracedRoute {
  readonly topic: string;
  readonly partition: number;
  readonly conversation: string;
  readonly tenant: { readonly name: string };
}

/** What became of a message here. */
export type Outcome =
  | { readonly kind: "appended"; readonly offset: number }
  | { readonly kind: "kept" }
  | { readonly kind: "failed"; readonly error: AppError };

/** Stands before a message's completion while it is on its way into the log, and hears its outcome. */
export class MessageTrace implements Completion {
  readonly id: string;
  readonly route: TracedRoute;
  /** Of the span that sends it: what its record carries. */
  readonly context: TraceContext;
  /** The client's own span. */
  readonly parentSpanId: string | undefined;
  readonly completion: Completion;
  /** Monotonic ms. */
  readonly submittedAt: number;
  readonly #done: (trace: MessageTrace) => void;
  outcome: Outcome | undefined;

  constructor(
    message: Pick<
      MessageTrace,
      "id" | "route" | "context" | "parentSpanId" | "completion" | "submittedAt"
    >,
    done: (trace: MessageTrace) => void,
  ) {
    this.id = message.id;
    this.route = message.route;
    this.context = message.context;
    this.parentSpanId = message.parentSpanId;
    this.completion = message.completion;
    this.submittedAt = message.submittedAt;
    this.#done = done;
  }

  appended(partition: number, offset: number): void {
    this.#end({ kind: "appended", offset });
    this.completion.appended(partition, offset);
  }

  kept(): void {
    this.#end({ kind: "kept" });
    this.completion.kept();
  }

  failed(error: AppError): void {
    this.#end({ kind: "failed", error });
    this.completion.failed(error);
  }

  #end(outcome: Outcome): void {
    this.outcome = outcome;
    this.#done(this);
  }
}
