import { Counter, Rate, Trend } from "k6/metrics";

/** From when a message was due to its arrival at a reader: the sampled ones, after the warm-up. */
export const latency = new Trend("tidegate_latency", true);
/** From when a message was due to its receipt: likewise. */
export const receiptTime = new Trend("tidegate_receipt", true);
/** How much later than due k6 itself got to send. */
export const lateness = new Trend("tidegate_late", true);
/** From opening a socket to its subscription. */
export const connectTime = new Trend("tidegate_connect", true);
/** From opening a socket again to the moment at which it has caught up. */
export const resumeTime = new Trend("tidegate_resume", true);
/** Messages, or requests or connections, that failed: in units of a frame. */
export const errors = new Rate("tidegate_errors");
export const sent = new Counter("tidegate_sent");
export const acked = new Counter("tidegate_acked");
export const delivered = new Counter("tidegate_delivered");
export const refused = new Counter("tidegate_refused");
export const lost = new Counter("tidegate_lost");
export const duplicate = new Counter("tidegate_duplicate");
export const reordered = new Counter("tidegate_reordered");
export const altered = new Counter("tidegate_altered");
export const closed = new Counter("tidegate_closed");
