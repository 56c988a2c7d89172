/** What one process last said of itself. */
export interface Snapshot {
  /** Of the process; no other has it at the same time. */
  readonly name: string;
  /** One line of JSON. */
  readonly text: string;
  /** Time since it was put, in ms, by the board's own clock. */
  readonly ageMs: number;
}

/**
 * Where the processes of an installation leave what they say of themselves, for the ops page of any
 * of them. It is a hint: nothing but what is shown may rest on it.
 *
 * - `put` MUST replace what the name had. A text stays for `snapshotTtlMs` after its last put, so that
 *   a process that vanished is still seen, and MUST be gone afterwards without anybody's doing.
 * - The board MUST keep at most `snapshotsMax`, those that were put last.
 * - Other installations MUST NOT be seen.
 */
export interface SnapshotBoard {
  /** @throws overloaded beyond `snapshotCharsMax`; backplane_unavailable, or what the server says */
  put(name: string, text: string): Promise<void>;
  /** In no order. @throws backplane_unavailable, or what the server says */
  all(): Promise<readonly Snapshot[]>;
  /** The process has left in peace: nobody needs to miss it. @throws as `all` */
  remove(name: string): Promise<void>;
}
