import type { Counter, Histogram } from "../../src/ports/telemetry.ts";
import type { HttpDeps } from "./deps.ts";

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What HTTP requests are counted under; addresses themselves would be without bound. */
export type RouteName = "send" | "history" | "dev_token" | "health" | "metrics" | "other";

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
  return {
    get inFlight() {
      return inFlight;
    },
    started: () => void inFlight++,
    ended(route, status, duration) {
      inFlight--;
      const labels = { route, status: `${Math.floor(status / 100)}xx` };
      const key = `${labels.route} ${labels.status}`;
      let counter = requests.get(key);
      if (counter === undefined) {
        const help = "HTTP requests that were answered";
        counter = telemetry.counter({ name: "tidegate_http_requests_total", help, labels });
        requests.set(key, counter);
      }
      counter.value++;
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
      histogram.observe(duration);
    },
  };
}
