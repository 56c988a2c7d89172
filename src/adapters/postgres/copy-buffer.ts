import type { PostgresSession } from "./database.ts";

/** Signature, flags and header extension of a binary COPY (PostgreSQL manual, COPY). */
const HEADER = Uint8Array.of(80, 71, 67, 79, 80, 89, 10, 255, 13, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const BYTES_MIN = 64 * 1024;
/** Of a row's numbers: a length of 4 bytes and 8 bytes each. */
const NUMBER_BYTES = 12;
const TWO_32 = 2 ** 32;

/** Rows for a `COPY … FROM STDIN (FORMAT binary)`: nothing is escaped, nothing is parsed. */
export class CopyBuffer {
  #bytes = Buffer.allocUnsafe(BYTES_MIN);
  #used = 0;

  constructor() {
    this.clear();
  }

  get capacity(): number {
    return this.#bytes.length;
  }

  clear(): void {
    this.#bytes.set(HEADER, 0);
    this.#used = HEADER.length;
  }

  row(columns: number): void {
    this.#need(2 + columns * NUMBER_BYTES);
    this.#used = this.#bytes.writeInt16BE(columns, this.#used);
  }

  int32(value: number): void {
    this.#used = this.#bytes.writeInt32BE(4, this.#used);
    this.#used = this.#bytes.writeInt32BE(value, this.#used);
  }

  /** @param value a safe integer */
  int64(value: number): void {
    this.#used = this.#bytes.writeInt32BE(8, this.#used);
    this.#used = this.#bytes.writeInt32BE(Math.floor(value / TWO_32), this.#used);
    this.#used = this.#bytes.writeUInt32BE(value >>> 0, this.#used);
  }

  bytes(value: Uint8Array): void {
    this.#need(4 + value.length + NUMBER_BYTES);
    this.#used = this.#bytes.writeInt32BE(value.length, this.#used);
    this.#bytes.set(value, this.#used);
    this.#used += value.length;
  }

  /**
   * Sends the rows. The buffer must stay as it is until then.
   * @param target table and columns
   */
  async send(session: PostgresSession, target: string): Promise<void> {
    this.#need(2);
    const end = this.#bytes.writeInt16BE(-1, this.#used);
    const query = session.unsafe(`COPY ${target} FROM STDIN (FORMAT binary)`);
    const writer = query.writable().getWriter();
    const write = async (): Promise<void> => {
      await writer.write(this.#bytes.subarray(0, end));
      await writer.close();
    };
    // Both fail when the server refuses: neither may be left without a handler.
    await Promise.all([write(), query]);
  }

  #need(more: number): void {
    if (this.#used + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + more));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }
}
