/** A topic whose partitions are to be shared out. */
export interface SharedTopic {
  readonly name: string;
  readonly partitions: number;
}

/** A member of a group, what it wants to read, and what it holds right now. */
export interface StickyMember {
  readonly name: string;
  readonly topics: ReadonlySet<string>;
  /** By topic; also what it is about to let go. */
  readonly owned: ReadonlyMap<string, readonly number[]>;
  /** Of the assignment that `owned` comes from: of two claims the later one counts. */
  readonly generation: number;
}

/** By topic. */
export type Partitions = ReadonlyMap<string, readonly number[]>;

export interface StickyPlan {
  /** What each member, by name, is to hold from now on; what it holds besides, it lets go. */
  readonly assigned: ReadonlyMap<string, Partitions>;
  /** False while some partition waits for its owner to let go: then another round follows. */
  readonly settled: boolean;
}

interface Share {
  readonly topic: SharedTopic;
  /** Places in the list of members, from another first one for each topic. */
  readonly readers: readonly number[];
  /** Partitions that every reader gets; those in `extras` get one more. */
  readonly base: number;
  readonly extras: Set<number>;
  /** By partition: who holds it, or −1. */
  readonly owners: readonly number[];
  readonly ownedCounts: readonly number[];
}

/**
 * Shares each topic's partitions evenly, and then all together as evenly as that allows, so that a
 * large topic's load and many small topics' load are both spread. Who has a partition keeps it as
 * far as that fits. No partition is given to one member while another still holds it (KIP-429): its
 * turn comes in the round after the owner let go. Everyone who knows the members comes to the same
 * result.
 */
export function assignSticky(
  topics: readonly SharedTopic[],
  members: readonly StickyMember[],
): StickyPlan {
  const sorted = members.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const names = topics.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const shares = names
    .map((topic) => shareOf(topic, sorted))
    .filter((share) => share.readers.length > 0);
  const loads = sorted.map(() => 0);
  for (const { readers, base } of shares)
    for (const reader of readers) loads[reader] = at(loads, reader) + base;
  for (const share of shares) chooseExtras(share, loads);
  balance(shares, loads);

  const assigned = sorted.map(() => new Map<string, number[]>());
  let settled = true;
  for (const share of shares) if (!placeTopic(share, assigned)) settled = false;
  return {
    assigned: new Map(sorted.map((member, i) => [member.name, assigned[i] as Partitions])),
    settled,
  };
}

function shareOf(topic: SharedTopic, members: readonly StickyMember[]): Share {
  const owners = Array.from({ length: topic.partitions }, () => -1);
  const ownedCounts = members.map(() => 0);
  members.forEach((member, place) => {
    for (const partition of member.owned.get(topic.name) ?? []) {
      const owner = owners[partition];
      if (owner === undefined) continue;
      if (owner >= 0 && (members[owner] as StickyMember).generation >= member.generation) continue;
      if (owner >= 0) ownedCounts[owner] = at(ownedCounts, owner) - 1;
      owners[partition] = place;
      ownedCounts[place] = at(ownedCounts, place) + 1;
    }
  });
  const places = members.flatMap((member, place) => (member.topics.has(topic.name) ? [place] : []));
  const first = places.length === 0 ? 0 : hash(topic.name) % places.length;
  const readers = [...places.slice(first), ...places.slice(0, first)];
  const base = readers.length === 0 ? 0 : Math.floor(topic.partitions / readers.length);
  return { topic, readers, base, extras: new Set(), owners, ownedCounts };
}

/** Who gets one of the partitions that do not divide evenly: who has them, then who has least. */
function chooseExtras(share: Share, loads: number[]): void {
  const { readers, base, ownedCounts, topic, extras } = share;
  const has = (reader: number) => (at(ownedCounts, reader) > base ? 0 : 1);
  const order = readers.toSorted((a, b) => has(a) - has(b) || at(loads, a) - at(loads, b));
  for (const reader of order.slice(0, topic.partitions - base * readers.length)) {
    extras.add(reader);
    loads[reader] = at(loads, reader) + 1;
  }
}

/** Moves extras from the busiest to the idlest while that evens out the sums. */
function balance(shares: readonly Share[], loads: number[]): void {
  for (let moved = true; moved;) {
    moved = false;
    for (const share of shares) {
      const { extras, readers } = share;
      if (extras.size === 0 || extras.size === readers.length) continue;
      const from = [...extras].reduce((a, b) => (at(loads, b) > at(loads, a) ? b : a));
      const to = readers
        .filter((reader) => !extras.has(reader))
        .reduce((a, b) => (at(loads, b) < at(loads, a) ? b : a));
      if (at(loads, from) - at(loads, to) < 2) continue;
      extras.delete(from);
      extras.add(to);
      loads[from] = at(loads, from) - 1;
      loads[to] = at(loads, to) + 1;
      moved = true;
    }
  }
}

/** @returns false when a partition is withheld */
function placeTopic(share: Share, assigned: readonly Map<string, number[]>[]): boolean {
  const { topic, readers, base, extras, owners } = share;
  const room = new Map(readers.map((reader) => [reader, base + (extras.has(reader) ? 1 : 0)]));
  const give = (reader: number, partition: number) => {
    const mine = assigned[reader] as Map<string, number[]>;
    const list = mine.get(topic.name);
    if (list === undefined) mine.set(topic.name, [partition]);
    else list.push(partition);
  };
  const left: number[] = [];
  owners.forEach((owner, partition) => {
    const free = room.get(owner) ?? 0;
    if (free === 0) return left.push(partition);
    room.set(owner, free - 1);
    return give(owner, partition);
  });
  let settled = true;
  let turn = 0;
  for (const partition of left) {
    while (room.get(at(readers, turn)) === 0) turn = (turn + 1) % readers.length;
    const reader = at(readers, turn);
    room.set(reader, (room.get(reader) as number) - 1);
    turn = (turn + 1) % readers.length;
    if (owners[partition] === -1) give(reader, partition);
    else settled = false;
  }
  return settled;
}

function at(list: readonly number[], index: number): number {
  return list[index] as number;
}

function hash(text: string): number {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (sum * 31 + text.charCodeAt(i)) >>> 0;
  return sum;
}
