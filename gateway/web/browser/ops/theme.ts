import { byId } from "../dom.ts";

const NAME = "tidegate.ops.theme";
const THEMES = ["system", "light", "dark"] as const;

/** The button that goes through the themes; the system's until another one was chosen. */
export function watchTheme(): void {
  const button = byId("theme", HTMLButtonElement);
  const show = (theme: string): void => {
    document.documentElement.dataset["theme"] = theme;
    button.textContent = `Theme: ${theme}`;
  };
  let at = Math.max(
    0,
    THEMES.findIndex((theme) => theme === localStorage.getItem(NAME)),
  );
  show(THEMES[at] ?? "system");
  button.onclick = () => {
    at = (at + 1) % THEMES.length;
    const theme = THEMES[at] ?? "system";
    localStorage.setItem(NAME, theme);
    show(theme);
  };
}
