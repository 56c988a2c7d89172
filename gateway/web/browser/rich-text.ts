import { make } from "./dom.ts";
import { piecesOf } from "./links.ts";

/** The text as nodes: addresses as links, everything else as text. */
export function makeRichText(text: string): HTMLElement {
  const element = make("span", "text");
  for (const { text: piece, href } of piecesOf(text)) {
    if (href === undefined) element.append(piece);
    else {
      const link = make("a", "", piece);
      link.href = href;
      link.rel = "noopener noreferrer nofollow";
      link.target = "_blank";
      element.append(link);
    }
  }
  return element;
}
