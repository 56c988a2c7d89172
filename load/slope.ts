export const SECONDS_PER_HOUR = 3_600;

export type Point = readonly [seconds: number, value: number];

/** The slope of the straight line that fits best (least squares), for an hour. */
export function slopePerHour(points: readonly Point[]): number {
  const count = points.length;
  const mean = (index: 0 | 1): number =>
    points.reduce((sum, point) => sum + point[index], 0) / Math.max(1, count);
  const [meanX, meanY] = [mean(0), mean(1)];
  let above = 0;
  let below = 0;
  for (const [x, y] of points) {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  }
  return below === 0 ? 0 : (above / below) * SECONDS_PER_HOUR;
}
