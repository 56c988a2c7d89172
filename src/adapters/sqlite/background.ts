import { setPriority } from "node:os";

const NICE = 10;

/**
 * Makes the calling thread yield to those that a receipt or a delivery waits for: with as many busy
 * threads as cores, a commit of the store else takes a time slice of several milliseconds from the
 * sockets. Linux alone has priorities for threads; elsewhere it would change the whole process.
 */
export function yieldToForeground(): void {
  if (process.platform === "linux") setPriority(0, NICE);
}
