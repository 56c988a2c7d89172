/** A member of a consumer group and what it wants to read. */
export interface Candidate {
  readonly name: string;
  readonly topics: ReadonlySet<string>;
}

/**
 * Round robin over the members that read the topic, in order of their names: everyone who knows
 * the members comes to the same result, and a member that restarts under its name gets the same
 * partitions. Every topic starts at another member, so that small topics do not pile up on the first.
 *
 * @returns the owner of each partition, or undefined when nobody reads the topic
 */
export function assignRoundRobin<T extends Candidate>(
  topic: string,
  partitions: number,
  members: readonly T[],
): readonly (T | undefined)[] {
  const readers = members
    .filter((member) => member.topics.has(topic))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  let first = 0;
  for (let i = 0; i < topic.length; i++) first = (first * 31 + topic.charCodeAt(i)) >>> 0;
  return Array.from({ length: partitions }, (_, partition) =>
    readers.length === 0 ? undefined : readers[(first + partition) % readers.length],
  );
}
