/** Of what is not known. */
export const NOTHING = "–";

/** `12,345`, `1.2 M`; small ones with a decimal. */
export function count(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return NOTHING;
  if (value >= 10_000_000) return `${(value / 1_000_000).toFixed(1)} M`;
  if (value > 0 && value < 10 && !Number.isInteger(value)) return value.toFixed(1);
  return Math.round(value).toLocaleString("en-US");
}

/** `1 row`, `1,200 rows`. */
export function many(value: number, one: string, more: string): string {
  return `${value.toLocaleString("en-US")} ${value === 1 ? one : more}`;
}

/** Short, for an axis: `250`, `1.5k`, `2M`. */
export function short(value: number): string {
  if (value >= 1_000_000) return `${trim(value / 1_000_000)}M`;
  if (value >= 1_000) return `${trim(value / 1_000)}k`;
  return trim(value);
}

/** A time of so many seconds: `850 µs`, `3.4 ms`, `1.2 s`. */
export function seconds(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return NOTHING;
  if (value < 0.001) return `${Math.round(value * 1_000_000)} µs`;
  if (value < 1) return `${trim(value * 1_000)} ms`;
  return `${trim(value)} s`;
}

/** A time of so many milliseconds in words: `4 s`, `12 min`, `3 h`, `2 d`. */
export function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1_000));
  if (s < 100) return `${s} s`;
  if (s < 5_400) return `${Math.round(s / 60)} min`;
  if (s < 172_800) return `${Math.round(s / 3_600)} h`;
  return `${Math.round(s / 86_400)} d`;
}

export function bytes(value: number | undefined): string {
  if (value === undefined) return NOTHING;
  return value < 1e9 ? `${Math.round(value / 1e6)} MB` : `${(value / 1e9).toFixed(1)} GB`;
}

export function percent(part: number | undefined): string {
  return part === undefined ? NOTHING : `${Math.round(part * 100)} %`;
}

/** Three digits at most that say something. */
function trim(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}
