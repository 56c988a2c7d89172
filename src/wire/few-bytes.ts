/**
 * Copies a dozen bytes at most: a call that copies takes as long as that.
 *
 * @returns where they end; there has to be room
 */
export function copyFew(few: Uint8Array, target: Buffer, from: number): number {
  let at = from;
  for (let i = 0; i < few.length; i++) target[at++] = few[i] as number;
  return at;
}
