/**
 * Has the machine's free memory given by its host, and keeps it from going back until this program ends
 * (`load/backed-memory.ts` says why).
 *
 *     bun load/memory-holder.ts <MiB>
 *
 * Prints one line of JSON, {@link Backed}, when it is done, and ends with its standard input.
 */
import { dlopen, FFIType, type Pointer, toArrayBuffer } from "bun:ffi";
import type { Backed } from "./backed-memory.ts";

const PAGE = 4_096;
const MiB = 1_024 * 1_024;
/** Mapped and touched in one go. */
const PART_MIB = 256;

// From <sys/mman.h> of Linux.
const PROT_READ_WRITE = 1 | 2;
const MAP_PRIVATE_ANONYMOUS = 2 | 32;
const MADV_DONTNEED = 4;
const MADV_NOHUGEPAGE = 15;

const { symbols: libc } = dlopen("libc.so.6", {
  mmap: {
    args: [FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.i32, FFIType.i32, FFIType.i64],
    returns: FFIType.ptr,
  },
  madvise: { args: [FFIType.ptr, FFIType.u64, FFIType.i32], returns: FFIType.i32 },
});

interface Part {
  readonly at: number;
  readonly bytes: Uint8Array;
}

const parts: Part[] = [];
const total = Number(process.argv[2]);
if (!Number.isInteger(total) || total < 1) {
  process.stderr.write("say how many MiB, as a whole number: bun load/memory-holder.ts 1024\n");
  process.exit(2);
}
const startedAt = performance.now();
for (let mib = 0; mib < total; mib += PART_MIB) {
  const part = map(Math.min(PART_MIB, total - mib) * MiB);
  touch(part.bytes);
  parts.push(part);
}
const firstMs = performance.now() - startedAt;
for (const part of parts) release(part);
const againAt = performance.now();
const [first] = parts as [Part];
touch(first.bytes);
const againMs = performance.now() - againAt;
release(first);

const pages = (total * MiB) / PAGE;
const backed: Backed = {
  mib: total,
  firstMicros: (firstMs * 1_000) / pages,
  againMicros: (againMs * 1_000) / (first.bytes.length / PAGE),
};
process.stdout.write(`${JSON.stringify(backed)}\n`);
for await (const _ of process.stdin) continue;

/** @throws when the memory is not there */
function map(length: number): Part {
  const at = libc.mmap(null, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
  if (at === null || Number(at) === -1) throw new Error(`${length} bytes could not be mapped`);
  libc.madvise(at, length, MADV_NOHUGEPAGE);
  return { at: Number(at), bytes: new Uint8Array(toArrayBuffer(at, 0, length)) };
}

function touch(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += PAGE) bytes[at] = 1;
}

/** All pages but the first of each MiB: a host takes back blocks that are free as a whole, of 2 MiB or more. */
function release({ at, bytes }: Part): void {
  for (let offset = PAGE; offset < bytes.length; offset += MiB) {
    const length = Math.min(MiB - PAGE, bytes.length - offset);
    libc.madvise((at + offset) as Pointer, length, MADV_DONTNEED);
  }
}
