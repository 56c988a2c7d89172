/** What is known of a record that could not be processed, without the record itself. */
export interface DeadLetterSummary {
  /** Names it for `find` and `redrive`; the same for as long as it is kept. */
  readonly id: string;
  readonly pool: string;
  /** An error code, with what was said about it where there was more. */
  readonly reason: string;
  /** Empty where the record did not say. */
  readonly tenant: string;
  /** `topic/partition/offset`, or where it stood before the log. */
  readonly origin: string;
  readonly attempts: number;
  /** Ms since 1970; undefined for letters of before this was kept. */
  readonly keptAt: number | undefined;
  /** `traceparent` (W3C) of the record, when it was sampled. */
  readonly trace: string | undefined;
  /** Ms since 1970 of the last redrive. */
  readonly redrivenAt: number | undefined;
  /** Why it cannot be sent again as it is; undefined: it can be tried. */
  readonly obstacle: string | undefined;
}

/** A dead letter with its record, made safe to be shown: no control characters, cut to a limit. */
export interface DeadLetterDetail extends DeadLetterSummary {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: string;
  /** Characters of the whole value. */
  readonly valueChars: number;
}

export interface DeadLetterQuery {
  readonly pool?: string;
  readonly tenant?: string;
  /** At most `deadLetterListMax`. */
  readonly lettersMax?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

/** Newest first within each pool. */
export interface DeadLetterPage {
  readonly letters: readonly DeadLetterSummary[];
  /** Where the next page begins; undefined: there is none. A page may be empty and have a next. */
  readonly next: string | undefined;
}

/** What was sent again. */
export interface Redriven {
  readonly id: string;
  /** The message's id, the same as before. */
  readonly message: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Ms since 1970. */
  readonly redrivenAt: number;
  /** Whether it is remembered; when not, a second redrive would not be told. */
  readonly marked: boolean;
}

/**
 * What could not be processed, of all pools, for operators.
 *
 * - `list` and `find` MUST NOT change anything, and MUST read a bounded part of what is kept.
 * - `redrive` MUST place the message through the code that places every other one, with its tenant's
 *   present place, its id of before and a raised attempt, so that it is placed once however often
 *   it is redriven. It MUST NOT place a message in another tenant's conversations than those of the
 *   topic that it came from.
 * - A letter MUST stay after its redrive, marked; all processes see the mark. Redriving a marked one
 *   again MUST be refused (`already_redriven`) unless it is asked for.
 * - What cannot be placed as it is (`key_conflict`: another message has its key) MUST be refused
 *   with the reason (`redrive_refused`) and stays unmarked.
 */
export interface DeadLetters {
  /** @throws invalid_cursor for an `after` that no page gave; log_unavailable, store_unavailable */
  list(query: DeadLetterQuery): Promise<DeadLetterPage>;
  /** @returns undefined when there is no such letter, or no more */
  find(id: string): Promise<DeadLetterDetail | undefined>;
  /**
   * @param again redrives also what was redriven before
   * @throws not_found, already_redriven, redrive_refused; what the log throws, and nothing is marked
   */
  redrive(id: string, again: boolean): Promise<Redriven>;
}
