/**
 * Lets a few reads run at a time and queues the others: a page costs the main thread a millisecond
 * to take apart, and dozens that arrive at once would hold up everything else for as many.
 */
export class ReadGate {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private readonly runningMax: number;

  constructor(runningMax: number) {
    this.runningMax = runningMax;
  }

  async run<T>(read: () => Promise<T>): Promise<T> {
    while (this.running >= this.runningMax)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running++;
    try {
      return await read();
    } finally {
      this.running--;
      this.waiting.shift()?.();
    }
  }
}
