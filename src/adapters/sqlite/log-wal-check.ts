import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { AppError } from "../../errors.ts";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC = 0x377f0682;

/**
 * SQLite stops at the first frame of a write-ahead log whose checksum is wrong and takes the rest
 * for the torn end of a crash. That is right for the last transaction, which may not have been
 * flushed; but every transaction is flushed before the next one begins, so a broken frame with a
 * whole transaction and the beginning of another one behind it is damage, and going on would lose
 * acknowledged records in silence.
 *
 * Frames carry running checksums, so a frame can be checked with the one that its predecessor
 * carries, even if the predecessor itself is broken. Format: https://sqlite.org/fileformat2.html#walformat
 *
 * @throws log_corrupt naming the file
 */
export function checkWal(path: string): void {
  if (!existsSync(path)) return;
  const fd = openSync(path, "r");
  try {
    const frames = readFrames(fd, path);
    if (frames !== undefined) judge(frames, path);
  } finally {
    closeSync(fd);
  }
}

interface Frame {
  /** The checksum that it carries fits what its predecessor carries. */
  readonly fits: boolean;
  readonly commits: boolean;
}

function judge(frames: readonly Frame[], path: string): void {
  const broken = frames.findIndex((frame) => !frame.fits);
  if (broken < 0) return;
  // The frame after a broken header cannot be checked either; look on behind it.
  let at = broken + 1;
  if (frames[at]?.fits === false) at++;
  let committed = false;
  for (; frames[at]?.fits === true; at++) {
    if (committed)
      throw new AppError(
        "log_corrupt",
        `${path} is damaged at frame ${broken + 1}, before its end`,
      );
    committed = frames[at]?.commits === true;
  }
}

function readFrames(fd: number, path: string): readonly Frame[] | undefined {
  const size = fstatSync(fd).size;
  if (size < HEADER_BYTES) return undefined;
  const header = new DataView(new ArrayBuffer(HEADER_BYTES));
  readSync(fd, header, 0, HEADER_BYTES, 0);
  const magic = header.getUint32(0);
  if (magic !== MAGIC && magic !== MAGIC + 1) {
    if (size > HEADER_BYTES + FRAME_HEADER_BYTES)
      throw new AppError("log_corrupt", `${path} does not begin like a write-ahead log`);
    return undefined;
  }
  const little = magic === MAGIC;
  const sums = { a: 0, b: 0 };
  addChecksum(header, 0, 24, little, sums);
  if (sums.a !== header.getUint32(24) || sums.b !== header.getUint32(28)) {
    // The header is flushed before the first frame is written.
    if (size > HEADER_BYTES + FRAME_HEADER_BYTES)
      throw new AppError("log_corrupt", `${path} has a damaged header`);
    return undefined;
  }
  const pageBytes = header.getUint32(8);
  const frame = new DataView(new ArrayBuffer(FRAME_HEADER_BYTES + pageBytes));
  const frames: Frame[] = [];
  for (let at = HEADER_BYTES; at + frame.byteLength <= size; at += frame.byteLength) {
    readSync(fd, frame, 0, frame.byteLength, at);
    const sameRound =
      frame.getUint32(8) === header.getUint32(16) && frame.getUint32(12) === header.getUint32(20);
    // Reserved space and former rounds need no sum.
    if (sameRound) {
      addChecksum(frame, 0, 8, little, sums);
      addChecksum(frame, FRAME_HEADER_BYTES, pageBytes, little, sums);
    }
    const carried = { a: frame.getUint32(16), b: frame.getUint32(20) };
    frames.push({
      fits: sameRound && sums.a === carried.a && sums.b === carried.b,
      commits: frame.getUint32(4) !== 0,
    });
    sums.a = carried.a;
    sums.b = carried.b;
  }
  return frames;
}

function addChecksum(
  view: DataView,
  from: number,
  length: number,
  little: boolean,
  sums: { a: number; b: number },
): void {
  let { a, b } = sums;
  for (let at = from; at < from + length; at += 8) {
    a = (a + view.getUint32(at, little) + b) >>> 0;
    b = (b + view.getUint32(at + 4, little) + a) >>> 0;
  }
  sums.a = a;
  sums.b = b;
}
