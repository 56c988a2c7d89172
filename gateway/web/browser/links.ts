const LINK = /https?:\/\/[^\s<>"']+/giu;
/** What ends a sentence and not an address. */
const TRAILING = /[.,;:!?…]+$/u;
const EMOJI_ONLY = /^\p{RGI_Emoji}{1,3}$/v;

/** One piece of a text: an address, or what lies between two of them. */
export interface Piece {
  readonly text: string;
  readonly href?: string;
}

/** Cuts a text at its web addresses. The pieces' texts together are the text. */
export function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const address = trimAddress(match[0]);
    const href = URL.parse(address)?.href;
    if (href === undefined) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) });
    pieces.push({ text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

function trimAddress(found: string): string {
  const address = found.replace(TRAILING, "");
  // A bracket that was opened before the address closes after it.
  return address.endsWith(")") && !address.includes("(") ? address.slice(0, -1) : address;
}

export function isEmojiOnly(text: string): boolean {
  return EMOJI_ONLY.test(text.trim());
}
