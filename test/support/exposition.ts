/** The value of one sample in a Prometheus text exposition (format 0.0.4), by its exact labels. */
export function sampleOf(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  for (const line of text.split("\n")) {
    const match = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match?.[1] !== name) continue;
    const found = match[2] ? match[2].split(",") : [];
    if (found.toSorted().join() === wanted.toSorted().join()) return Number(match[3]);
  }
  return undefined;
}
