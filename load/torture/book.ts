const EXAMPLES_MAX = 5;

/** What one message went through. */
export interface Message {
  readonly number: number;
  readonly conversation: string;
  readonly key: string;
  /** Number of its sender's connection that it was first sent on. */
  readonly connection: number;
  attempt: number;
  /** Its first try had the receipt. */
  isAckedAtOnce: boolean;
  /** Moment of the first try, counted in steps of the whole run. */
  readonly sentAt: number;
  /** Moment of its receipt; 0: none yet. */
  ackedAt: number;
  /** The message id that its receipt named. */
  id: string;
}

/** Every kind of fault; each has to stay at 0. */
export const FAULTS = [
  "lost",
  "hole",
  "duplicate",
  "reordered",
  "altered",
  "wrong_id",
  "conflict_not_refused",
  "invalid_not_refused",
  "unexpected",
] as const;
export type Fault = (typeof FAULTS)[number];

/** All messages of the run, and all that was found wrong. */
export class Book {
  readonly messages: Message[] = [];
  readonly faults = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<Fault, number>;
  readonly examples: string[] = [];
  readonly counts = {
    acked: 0,
    acked_by_outbox: 0,
    refused_for_now: 0,
    retried: 0,
    resent: 0,
    conflicts: 0,
    conflicts_refused: 0,
    delivered: 0,
    reconnects: 0,
  };
  readonly #byKey = new Map<string, Message>();
  #step = 0;

  /** The next moment: everything that happens gets one of its own. */
  step(): number {
    return ++this.#step;
  }

  add(conversation: string, connection: number): Message {
    const message: Message = {
      number: this.messages.length,
      conversation,
      key: Bun.randomUUIDv7(),
      connection,
      attempt: 1,
      isAckedAtOnce: false,
      sentAt: this.step(),
      ackedAt: 0,
      id: "",
    };
    this.messages.push(message);
    this.#byKey.set(message.key, message);
    return message;
  }

  byKey(key: string): Message | undefined {
    return this.#byKey.get(key);
  }

  fault(fault: Fault, example: string): void {
    this.faults[fault]++;
    if (this.examples.length < EXAMPLES_MAX * FAULTS.length)
      this.examples.push(`${fault}: ${example}`);
  }

  get isClean(): boolean {
    return FAULTS.every((fault) => this.faults[fault] === 0);
  }
}
