import type { Socket } from "node:net";

/** The state of a proxy, which all its connections look at. */
export interface Weather {
  isStalled: boolean;
  delayMs: number;
  /** Called when it gets better. */
  readonly wakers: Set<() => void>;
}

/** Held back for each direction of a connection; beyond it the sender is not read. */
const HELD_BYTES_MAX = 1_048_576;

/** Passes on what comes from one socket to the other, in its order, when the weather lets it. */
export function forward(from: Socket, to: Socket, weather: Weather): void {
  const held: { readonly due: number; readonly bytes: Buffer | undefined }[] = [];
  let heldBytes = 0;
  let isBlocked = false;
  let timer: Timer | undefined;

  const pump = (): void => {
    clearTimeout(timer);
    timer = undefined;
    for (let next = held[0]; next !== undefined; next = held[0]) {
      if (isBlocked || weather.isStalled || to.destroyed) return;
      const early = weather.delayMs === 0 ? 0 : next.due - performance.now();
      if (early > 0) {
        timer = setTimeout(pump, early);
        return;
      }
      held.shift();
      if (next.bytes === undefined) {
        to.end();
        continue;
      }
      heldBytes -= next.bytes.length;
      isBlocked = !to.write(next.bytes);
      if (heldBytes < HELD_BYTES_MAX) from.resume();
    }
  };
  const hold = (bytes: Buffer | undefined): void => {
    held.push({ due: performance.now() + weather.delayMs, bytes });
    heldBytes += bytes?.length ?? 0;
    if (heldBytes >= HELD_BYTES_MAX) from.pause();
    pump();
  };

  from.on("data", (bytes: Buffer) => hold(bytes));
  from.on("end", () => hold(undefined));
  to.on("drain", () => {
    isBlocked = false;
    pump();
  });
  weather.wakers.add(pump);
  // Not when `from` is: what it said last may still be on its way.
  to.on("close", () => {
    clearTimeout(timer);
    weather.wakers.delete(pump);
  });
}
