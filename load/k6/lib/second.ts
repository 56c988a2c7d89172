/** What one virtual user saw since it last said so. */
export interface SecondCounts {
  sent: number;
  acked: number;
  delivered: number;
  errors: number;
  sockets: number;
  /** Worst lateness of k6's own ticks, in ms. */
  late: number;
}

/** One line that a script writes each second: its runner draws the plots from them. */
export interface SecondLine extends SecondCounts {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly vu: number;
  /** Time that it tells of. */
  readonly ms: number;
  /** Whether the warm-up was over before it. */
  readonly measured: boolean;
  /** Sampled latencies in ms, to two digits from 1,000 on → how many. */
  readonly latency: Readonly<Record<string, number>>;
}

/** What such a line begins with among all else that k6 prints. */
export const SECOND_MARK = "tidegate-second ";

/** Gathers the counts of a second. */
export class Second implements SecondCounts {
  sent = 0;
  acked = 0;
  delivered = 0;
  errors = 0;
  sockets = 0;
  late = 0;
  #latency: Record<string, number> = {};

  addLatency(ms: number): void {
    const key = ms < 1_000 ? ms : Number(ms.toPrecision(2));
    this.#latency[key] = (this.#latency[key] ?? 0) + 1;
  }

  /** The line's text; counts begin anew, but for the sockets that are open. */
  take(at: number, ms: number, vu: number, measured: boolean): string {
    const { sent, acked, delivered, errors, sockets, late } = this;
    const counts = { sent, acked, delivered, errors, sockets, late };
    const line: SecondLine = { at, vu, ms, measured, ...counts, latency: this.#latency };
    this.sent = this.acked = this.delivered = this.errors = this.late = 0;
    this.#latency = {};
    return SECOND_MARK + JSON.stringify(line);
  }
}
