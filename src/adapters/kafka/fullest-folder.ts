/** Room in one folder of a broker's log as KIP-827 tells it: −1 where it is not known. */
interface LogFolder {
  readonly totalBytes: bigint;
  readonly usableBytes: bigint;
}

/**
 * The room of the folder that is full first. Not that of all together: a broker stops using a disk
 * that is full, however much room its others have.
 * @returns undefined when none tells
 */
export function fullestFolder(
  folders: readonly LogFolder[],
): { readonly sizeBytes: number; readonly freeBytes: number } | undefined {
  return folders
    .filter(({ totalBytes, usableBytes }) => totalBytes > 0n && usableBytes >= 0n)
    .map(({ totalBytes, usableBytes }) => ({
      sizeBytes: Number(totalBytes),
      freeBytes: Number(usableBytes),
    }))
    .toSorted((a, b) => a.freeBytes / a.sizeBytes - b.freeBytes / b.sizeBytes)[0];
}
