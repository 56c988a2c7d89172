import { byId } from "./dom.ts";

const KEY = "tidegate.name";

/** This tab's name, or the one that this browser used last. */
export function storedName(): string | undefined {
  try {
    return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? undefined;
  } catch {
    // A browser that keeps nothing asks every time.
    return undefined;
  }
}

function storeName(name: string): void {
  try {
    // Two tabs can have two names; the next new tab gets the newer one.
    sessionStorage.setItem(KEY, name);
    localStorage.setItem(KEY, name);
  } catch {
    // As above.
  }
}

/** Asks for a name; undefined when the dialog was left without one. */
export function askName(suggestion: string): Promise<string | undefined> {
  const dialog = byId("name-dialog", HTMLDialogElement);
  const form = byId("name-form", HTMLFormElement);
  const input = byId("name-input", HTMLInputElement);
  input.value = suggestion;
  dialog.showModal();
  input.select();
  return new Promise((resolve) => {
    let chosen: string | undefined;
    form.onsubmit = () => {
      chosen = input.value.replace(/[\p{Cc}\u2028\u2029]/gu, "").trim() || undefined;
    };
    dialog.onclose = () => {
      if (chosen !== undefined) storeName(chosen);
      resolve(chosen);
    };
  });
}
