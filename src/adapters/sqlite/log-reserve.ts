import { closeSync, fdatasyncSync, fstatSync, openSync, writeSync } from "node:fs";

const CHUNK_BYTES = 1024 * 1024;

/**
 * Gives a write-ahead log its blocks before they are needed. A flush of a file that grows has to
 * commit the file system's journal, and with it whatever other files have to write (ext4: all their
 * new blocks), which stalled appends by tens of milliseconds while a segment was sealed; a flush
 * into blocks that are there writes these alone. SQLite takes the zeros for the log's end.
 *
 * Written, not only allocated: the first write into an allocated block changes metadata too. In
 * small flushed pieces, so that it is no burst itself.
 */
export function reserve(path: string, bytes: number): void {
  const zeros = new Uint8Array(CHUNK_BYTES);
  const fd = openSync(path, "r+");
  try {
    for (let at = fstatSync(fd).size; at < bytes; at += CHUNK_BYTES) {
      writeSync(fd, zeros, 0, Math.min(CHUNK_BYTES, bytes - at), at);
      fdatasyncSync(fd);
    }
  } finally {
    closeSync(fd);
  }
}
