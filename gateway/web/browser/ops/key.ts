const NAME = "tidegate.ops.key";

/**
 * The key that this window signed in with. For as long as the window lives, and in no other: what
 * is kept for good is found by whoever has the machine next.
 */
export function keptKey(): string | undefined {
  const inAddress = new URLSearchParams(location.hash.slice(1)).get("key");
  if (inAddress !== null) {
    // Out of the address at once: it would stay in the history, and in what people copy.
    history.replaceState(null, "", location.pathname);
    keepKey(inAddress);
  }
  return sessionStorage.getItem(NAME) ?? undefined;
}

export function keepKey(key: string): void {
  sessionStorage.setItem(NAME, key);
}

export function forgetKey(): void {
  sessionStorage.removeItem(NAME);
}
