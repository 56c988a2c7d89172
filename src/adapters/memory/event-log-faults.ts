import type { ErrorCode } from "../../errors.ts";

/** What is to happen to one append instead of the usual. */
export interface AppendFault {
  /** `unknown_outcome` leaves open whether it was kept; all others mean that it was not. */
  readonly code: ErrorCode;
  /** With `unknown_outcome`: whether the records are in the log all the same. */
  readonly kept?: boolean;
  /** Only appends to this topic. */
  readonly topic?: string;
}

/** Faults of a memory log, set from outside while it runs. */
export class LogFaults {
  /** Time from an append to its flush; 0 flushes after the I/O that is at hand. */
  flushDelayMs = 0;
  private readonly appends: AppendFault[] = [];
  private held = false;
  private wake: (() => void) | undefined;

  /** The next append (of the topic, if one is named) comes out like this. */
  failNextAppend(fault: AppendFault): void {
    this.appends.push(fault);
  }

  /** Appends come out as usual again. */
  clear(): void {
    this.appends.length = 0;
  }

  /** Nothing is flushed, and so nothing acknowledged, until `releaseFlush`. */
  holdFlush(): void {
    this.held = true;
  }

  releaseFlush(): void {
    this.held = false;
    this.wake?.();
  }

  /** For the log: the fault of this append, used up by asking. */
  takeAppendFault(topic: string): AppendFault | undefined {
    const index = this.appends.findIndex((fault) => (fault.topic ?? topic) === topic);
    return index < 0 ? undefined : this.appends.splice(index, 1)[0];
  }

  /** For the log: whether flushes wait now; `wake` is called when they no longer do. */
  isHeld(wake: () => void): boolean {
    this.wake = wake;
    return this.held;
  }
}
