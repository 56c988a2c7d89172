/** How often each fault and each outcome occurred over all runs of this program. */
const counts = new Map<string, number>();

export function count(name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

export function countOf(name: string): number {
  return counts.get(name) ?? 0;
}

/** The table that `SIM_STATS=1` prints. */
export function statsText(): string {
  const rows = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return rows.map(([name, value]) => `${String(value).padStart(10)}  ${name}`).join("\n");
}
