/**
 * A topic's incarnation from its id: the 128 bits in base 36, at most 25 characters, so that an epoch
 * (incarnation and offset) fits into a cursor. All Kafka clients have to agree on it: stored offsets
 * belong to an incarnation.
 *
 * @param id a UUID, with or without hyphens
 */
export function incarnationOf(id: string): string {
  return BigInt(`0x${id.replaceAll("-", "")}`).toString(36);
}

/** The topic's id again, as 32 hexadecimal digits. */
export function topicIdOf(incarnation: string): string {
  let id = 0n;
  for (const digit of incarnation) id = id * 36n + BigInt(Number.parseInt(digit, 36));
  return id.toString(16).padStart(32, "0");
}
