import type { Counter, Histogram } from "../../src/ports/telemetry.ts";
import type { HttpDeps } from "./deps.ts";

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What HTTP requests are counted under; addresses themselves would be without bound. */
export type RouteName =
  | "send"
  | "history"
  | "ingest"
  | "dev_token"
  | "health"
  | "metrics"
  | "other";

export interface HttpObserver {
  readonly inFlight: number;
  started(): void;
  /** @param seconds since it started */
  ended(route: RouteName, status: number, seconds: number): void;
}

/** Counts requests by route and class of status, and measures their time by route. */
export function observeHttp(deps: Pick<HttpDeps, "telemetry">): HttpObserver {
  const { telemetry } = deps;
  const requests = new Map<string, Counter>();
  const seconds = new Map<RouteName, Histogram>();
  let inFlight = 0;
  telemetry.gauge(
    { name: "tidegate_http_in_flight_requests", help: "HTTP requests that are being answered" },
    () => inFlight,
  );
  const countOf = (route: RouteName, status: string): Counter => {
    const key = `${route} ${status}`;
    let counter = requests.get(key);
    if (counter === undefined) {
      counter = telemetry.counter({
        name: "tidegate_http_requests_total",
        help: "HTTP requests that were answered",
        labels: { route, status },
      });
      requests.set(key, counter);
    }
    return counter;
  };
  const timeOf = (route: RouteName): Histogram => {
    let histogram = seconds.get(route);
    if (histogram === undefined) {
      histogram = telemetry.histogram({
        name: "tidegate_http_request_seconds",
        help: "Time to answer an HTTP request",
        labels: { route },
        buckets: BUCKETS,
      });
      seconds.set(route, histogram);
    }
    return histogram;
  };
  // From the start: of a series that is not there yet the first rise is not seen.
  for (const route of ["send", "history"] as const) {
    timeOf(route);
    for (const status of ["2xx", "4xx", "5xx"]) countOf(route, status);
  }
  return {
    get inFlight() {
      return inFlight;
    },
    started: () => void inFlight++,
    ended(route, status, duration) {
      inFlight--;
      countOf(route, `${Math.floor(status / 100)}xx`).value++;
      timeOf(route).observe(duration);
    },
  };
}
