import RequestQueue from "kafkajs/src/network/requestQueue/index.js";

type Schedule = (this: RequestQueue) => void;

const NAME = "scheduleCheckPendingRequests";
const schedule = Reflect.get(RequestQueue.prototype, NAME) as Schedule;

/**
 * Without this every connection that ever had an answer wakes about 700 times a second for good
 * (kafkajs issue 1704): the queue sets its timer again also when nothing waits, to a time that lies
 * in the past. Answers look at the queue anyway, so a timer is needed only while something waits.
 */
export function calmRequestQueues(): void {
  RequestQueue.prototype[NAME] = scheduleWhenSomethingWaits;
}

function scheduleWhenSomethingWaits(this: RequestQueue): void {
  if (this.pending.length > 0) schedule.call(this);
}
