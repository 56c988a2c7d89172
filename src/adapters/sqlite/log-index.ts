/** Where the rows of one partition lie within one segment. */
export class ChunkIndex {
  readonly topic: number;
  readonly partition: number;
  readonly first: number;
  next: number;
  /** Bytes of the rows' texts. */
  bytes = 0;
  /** Newest row's time, ms since 1970. */
  time = 0;
  /** First offset and id of each row; undefined while only the summary was read. */
  rows: { readonly bases: number[]; readonly ids: number[] } | undefined;

  constructor(topic: number, partition: number, first: number) {
    this.topic = topic;
    this.partition = partition;
    this.first = first;
    this.next = first;
  }

  /** Place of the row that holds the offset. */
  find(offset: number): number {
    const bases = this.rows?.bases ?? [];
    let low = 0;
    let high = bases.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((bases[middle] as number) <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

export function packNumbers(numbers: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(numbers).buffer);
}

export function unpackNumbers(bytes: Uint8Array): number[] {
  return Array.from(new Float64Array(bytes.slice().buffer));
}
