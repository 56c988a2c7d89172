const DEFAULT_ROOM = "general";
const BYTES_MAX = 200;

/** The room in the page's address: `/#/some-room`. */
export function roomOfHash(hash: string): string {
  try {
    return cleanRoomName(decodeURIComponent(hash.replace(/^#\/?/, ""))) ?? DEFAULT_ROOM;
  } catch {
    // An escape that is not one.
    return DEFAULT_ROOM;
  }
}

export function roomHash(room: string): string {
  return `#/${encodeURIComponent(room)}`;
}

/** A name that the gateway takes, or undefined: no control characters, at most 200 bytes. */
export function cleanRoomName(text: string): string | undefined {
  const name = text
    .toWellFormed()
    .replace(/[\p{Cc}\u2028\u2029]/gu, "")
    .replace(/^[#\s]+/u, "")
    .trim();
  if (name === "" || new TextEncoder().encode(name).length > BYTES_MAX) return undefined;
  return name;
}
