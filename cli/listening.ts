const STEPS: Readonly<Record<string, string>> = {
  // The message says it already.
  EADDRINUSE: "",
  EADDRNOTAVAIL:
    ". Set HOST to an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them",
  EACCES: ". Set PORT to 1024 or more, or let this program have lower ones",
};

/** What to do about an address that cannot be listened on; undefined for every other error. */
export function listeningStep(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  const isListening = (cause as { syscall?: unknown } | undefined)?.syscall === "listen";
  const code = String((cause as { code?: unknown } | undefined)?.code);
  return isListening ? STEPS[code] : undefined;
}
