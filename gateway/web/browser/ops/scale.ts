/** Where values stand on an axis, from 0 at its foot to 1 at its head. */
export interface Scale {
  readonly ticks: readonly number[];
  readonly place: (value: number) => number;
}

const STEPS = [1, 2, 2.5, 5, 10];

/** From zero to a round number above the largest, with some three ticks. */
export function linearScale(largest: number): Scale {
  const wanted = Math.max(largest, 1) / 3;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = (STEPS.find((one) => one * power >= wanted) ?? 10) * power;
  const top = step * Math.max(1, Math.ceil(largest / step));
  const ticks: number[] = [];
  for (let i = 0; step * i <= top * 1.001; i++) ticks.push(step * i);
  return { ticks, place: (value) => clamp(value / top) };
}

/** Powers of ten around the values: a tail of seconds and a median of milliseconds fit one plot. */
export function logScale(smallest: number, largest: number): Scale {
  const low = Math.floor(Math.log10(Math.max(smallest, 1e-4)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(largest, 1e-3))));
  const ticks: number[] = [];
  for (let power = low; power <= high; power++) ticks.push(10 ** power);
  const place = (value: number): number =>
    value <= 0 ? 0 : clamp((Math.log10(value) - low) / (high - low));
  return { ticks, place };
}

const clamp = (part: number): number => Math.min(1, Math.max(0, part));
