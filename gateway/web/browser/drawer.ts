import { byId } from "./dom.ts";

/** The rooms on a narrow screen: out of sight until they are asked for. */
export class Drawer {
  readonly #app = byId("app", HTMLDivElement);
  readonly #menu = byId("menu", HTMLButtonElement);
  readonly #shade = byId("shade", HTMLDivElement);

  constructor() {
    this.#menu.addEventListener("click", () =>
      this.set(!this.#app.classList.contains("menu-open")),
    );
    this.#shade.addEventListener("click", () => this.set(false));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.set(false);
    });
  }

  set(open: boolean): void {
    this.#app.classList.toggle("menu-open", open);
    this.#menu.ariaExpanded = String(open);
    this.#shade.hidden = !open;
  }
}
