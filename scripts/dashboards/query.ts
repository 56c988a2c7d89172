const SPAN = "[$__rate_interval]";
const CHOSEN = 'instance=~"$instance"';

function selector(metric: string, labels: string): string {
  return `${metric}{${labels === "" ? "" : `${labels},`}${CHOSEN}}`;
}

/** A counter's rise a second, summed; by labels when there are any. */
export function rate(metric: string, by = "", labels = ""): string {
  return `sum${by === "" ? "" : ` by (${by})`} (rate(${selector(metric, labels)}${SPAN}))`;
}

/** A histogram's quantile over the chosen processes. */
export function quantile(q: number, metric: string, labels = "", by = ""): string {
  const all = by === "" ? "le" : `le, ${by}`;
  return `histogram_quantile(${q}, sum by (${all}) (rate(${selector(`${metric}_bucket`, labels)}${SPAN})))`;
}

/** A rate's part of another, from 0 to 1: nothing of nothing is 0, and no number would be shown else. */
export function share(part: string, whole: string): string {
  return `clamp_max(${part} / clamp_min(${whole}, 1e-9), 1)`;
}

/** The usual quantiles of a histogram, as queries of one panel. */
export function quantiles(metric: string, labels = ""): readonly (readonly [string, string])[] {
  return [0.5, 0.95, 0.99, 0.999].map((q) => [quantile(q, metric, labels), `p${q * 100}`]);
}

/** A gauge, folded over the chosen processes. */
export function gauge(fold: "sum" | "max" | "min", metric: string, by = "", labels = ""): string {
  return `${fold}${by === "" ? "" : ` by (${by})`} (${selector(metric, labels)})`;
}
