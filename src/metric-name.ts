export type MetricKind = "counter" | "gauge" | "histogram";

type Labels = Readonly<Record<string, string>>;

interface NamedMetric {
  readonly name: string;
  readonly help: string;
  readonly labels?: Labels;
}

const NAME = /^(?:tidegate|process)(?:_[a-z0-9]+)+$/;
const LABEL = /^[a-z][a-z0-9_]*$/;
const OTHER_UNIT =
  /_(?:ms|millis|milliseconds|micros|microseconds|ns|nanoseconds|minutes|hours|days|kb|mb|kib|mib|kilobytes|megabytes|bits|percent)(?:_|$)/;
/** Suffixes that Prometheus gives a meaning of its own. */
const RESERVED = /_(?:bucket|count|sum|info)$/;

/**
 * What every telemetry refuses, after Prometheus' naming practices: base units (seconds, bytes,
 * ratios), `_total` on counters and only there, no label that a histogram needs itself.
 *
 * @throws TypeError since a wrong name is a mistake in code, found by its first test
 */
export function checkMetric(kind: MetricKind, spec: NamedMetric): void {
  const { name, help, labels = {} } = spec;
  const refuse = (why: string): never => {
    throw new TypeError(`metric ${name}: ${why}`);
  };
  if (!NAME.test(name)) refuse("the name is not tidegate_… in lower case");
  if (name.endsWith("_total") !== (kind === "counter")) refuse("_total is for all counters, only");
  if (OTHER_UNIT.test(name)) refuse("the unit is not a base unit");
  if (RESERVED.test(name)) refuse("the suffix is reserved");
  if (help === "") refuse("there is no help");
  for (const label of Object.keys(labels)) {
    if (!LABEL.test(label) || label === "le") refuse(`${label} is not a label`);
  }
}

/** The same text for the same labels, in whatever order they come. */
export function seriesKey(labels: Labels = {}): string {
  return JSON.stringify(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
