import { PUSH_EVENT_FIELD } from "./reply.ts";

const FIELD = '"timestamp":';
/** Beyond it there is no envelope any more, but what somebody wrote. */
const FIELD_WITHIN = 200;

/**
 * When a gateway took the message, of a record's value or of an event: both begin with
 * `{"id","type","timestamp"`. Read without parsing, since it is wanted for one message of each batch.
 *
 * @param from where in the text the record or event begins
 * @returns ms since 1970 by that gateway's clock; undefined for a text without it
 */
export function stampOf(text: string, from = 0): number | undefined {
  const at = text.indexOf(FIELD, from);
  if (at < 0 || at - from > FIELD_WITHIN) return undefined;
  let stamp = 0;
  for (let i = at + FIELD.length; ; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    stamp = stamp * 10 + digit;
  }
  return stamp > 0 ? stamp : undefined;
}

/** {@link stampOf} of a run's first event. */
export function stampOfRun(run: {
  readonly lines?: string;
  readonly events: readonly string[];
}): number | undefined {
  const { lines } = run;
  if (lines === undefined) return stampOf(run.events[0] ?? "");
  return stampOf(lines, lines.indexOf(PUSH_EVENT_FIELD) + PUSH_EVENT_FIELD.length);
}
