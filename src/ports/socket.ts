/** One client's socket as the gateway's core sees it. */
export interface Socket {
  /**
   * Hands over one text frame. Positive: on its way; −1: taken, but the socket is full and `drain`
   * will be called; 0: not taken (too much is buffered, or closed).
   */
  send(text: string): number;
  close(code: number, reason: string): void;
  /** Stops reading from the client; what is already read may still come. */
  pause(): void;
  resume(): void;
}
