/**
 * What a terminal or a page may take for an order: controls, line and paragraph separators, marks
 * that change the direction of writing, what has no UTF-8.
 */
const UNSAFE = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** Text of anybody's as text for operators: escaped where it could do harm, and cut to a limit. */
export function safeText(text: string, charsMax: number): string {
  const cut = text.length > charsMax ? text.slice(0, charsMax) : text;
  return cut.replace(UNSAFE, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
