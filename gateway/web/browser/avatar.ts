import { make } from "./dom.ts";

/** A colour of the name's own, as a hue in degrees. */
export function hueOf(name: string): number {
  let hash = 7;
  for (let i = 0; i < name.length; i++) hash = (hash * 31 + name.charCodeAt(i)) % 3_600_000;
  return hash % 360;
}

const letters = new Intl.Segmenter(undefined, { granularity: "grapheme" });

function firstLetter(word: string): string {
  for (const { segment } of letters.segment(word)) return segment;
  return "";
}

/** One or two letters that stand for a name. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s._-]+/u).filter((word) => word !== "");
  const initials = words.slice(0, 2).map((word) => firstLetter(word));
  return initials.join("").toUpperCase();
}

export function paintAvatar(element: HTMLElement, name: string): void {
  element.textContent = initialsOf(name);
  element.style.setProperty("--hue", String(hueOf(name)));
}

export function makeAvatar(name: string): HTMLElement {
  const avatar = make("span", "avatar");
  avatar.ariaHidden = "true";
  paintAvatar(avatar, name);
  return avatar;
}
