import { byId } from "./dom.ts";

const draftKey = (room: string): string => `tidegate.draft.${room}`;

/** Where messages are written. Enter sends, Shift+Enter breaks the line; drafts outlive a reload. */
export class Composer {
  readonly #form = byId("composer", HTMLFormElement);
  readonly #text = byId("text", HTMLTextAreaElement);
  readonly #button = byId("send", HTMLButtonElement);
  #room = "";

  constructor(send: (text: string) => void) {
    const submit = (): void => {
      const text = this.#text.value.trim();
      if (text === "") return;
      send(text);
      this.#text.value = "";
      this.#changed();
      this.#text.focus();
    };
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit();
    });
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("keydown", (event) => {
      // While an input method composes, Enter belongs to it.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      submit();
    });
  }

  open(room: string): void {
    this.#room = room;
    this.#text.value = sessionStorage.getItem(draftKey(room)) ?? "";
    this.#text.placeholder = `Message #${room}`;
    this.#changed();
    // On a phone this would open the keyboard over the messages.
    if (matchMedia("(hover: hover)").matches) this.#text.focus();
  }

  #changed(): void {
    const { value } = this.#text;
    this.#button.disabled = value.trim() === "";
    if (value === "") sessionStorage.removeItem(draftKey(this.#room));
    else sessionStorage.setItem(draftKey(this.#room), value);
    this.#fit();
  }

  /** For browsers without `field-sizing`. */
  #fit(): void {
    if (CSS.supports("field-sizing", "content")) return;
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
  }
}
