import { uuidv7 } from "./uuid.ts";

export interface ClientTimer {
  cancel(): void;
}

/** Where the client's time comes from; a virtual one in tests. */
export interface ClientClock {
  /** Milliseconds since 1970; may step. */
  now(): number;
  /** Milliseconds since some start; never steps back. */
  monotonic(): number;
  after(ms: number, run: () => void): ClientTimer;
}

export interface ClientRandom {
  /** In [0, 1). */
  next(): number;
  /** A UUIDv7 that cannot be guessed. */
  uuidv7(): string;
}

/** What the host knows of the network. Only a hint: a laptop without any network reaches itself. */
export interface NetworkHints {
  online(): boolean;
  /** Calls back when the host believes that the network came or went. */
  watch(changed: (online: boolean) => void): () => void;
}

export const systemClock: ClientClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

export const systemRandom: ClientRandom = {
  next: () => Math.random(),
  uuidv7: () => uuidv7(Date.now(), crypto.getRandomValues(new Uint8Array(10))),
};

interface BrowserGlobals {
  readonly navigator?: { readonly onLine?: boolean };
  addEventListener?(type: string, listener: () => void): void;
  removeEventListener?(type: string, listener: () => void): void;
}

/** The browser's `online` and `offline` events; hosts without them count as online. */
export const systemNetwork: NetworkHints = {
  online: () => (globalThis as BrowserGlobals).navigator?.onLine !== false,
  watch(changed) {
    const host = globalThis as BrowserGlobals;
    const online = (): void => changed(true);
    const offline = (): void => changed(false);
    host.addEventListener?.("online", online);
    host.addEventListener?.("offline", offline);
    return () => {
      host.removeEventListener?.("online", online);
      host.removeEventListener?.("offline", offline);
    };
  },
};
