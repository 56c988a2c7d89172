export const BLOCK_BITS = 14;
/** Messages of one block of columns: a column that grew as a whole would be copied amid the run. */
export const BLOCK = 1 << BLOCK_BITS;
export const BLOCK_MASK = BLOCK - 1;

/** What is known of {@link BLOCK} messages that were sent after each other. */
export class Block {
  readonly dueAt = new Float64Array(BLOCK);
  readonly sender = new Uint32Array(BLOCK);
  readonly state = new Uint8Array(BLOCK);
  /** Its place; 0 while it has none. */
  readonly seq = new Uint32Array(BLOCK);
  /**
   * How much is still to come of all its messages together, of those too that are not sent yet. One
   * count for all of them, since a count for each would take a column and a second memory access.
   */
  open = 0;

  /** Makes it a block of messages that are still to be sent. */
  begin(open: number): void {
    this.state.fill(0);
    this.seq.fill(0);
    this.open = open;
  }
}
