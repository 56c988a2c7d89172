const FIELD = '"timestamp":';
/** Beyond it there is no envelope any more, but what somebody wrote. */
const FIELD_WITHIN = 200;

/**
 * When a gateway took the message, of a record's value or of an event: both begin with
 * `{"id","type","timestamp"`. Read without parsing, since it is wanted for one message of each batch.
 *
 * @returns ms since 1970 by that gateway's clock; undefined for a text without it
 */
export function stampOf(text: string): number | undefined {
  const at = text.indexOf(FIELD);
  if (at < 0 || at > FIELD_WITHIN) return undefined;
  let stamp = 0;
  for (let i = at + FIELD.length; ; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    stamp = stamp * 10 + digit;
  }
  return stamp > 0 ? stamp : undefined;
}
