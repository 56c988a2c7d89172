import type { Client, ConnectionStatus } from "../../../src/client/tidegate.ts";
import { byId } from "./dom.ts";
import type { Latency } from "./latency.ts";
import { reasonText } from "./reasons.ts";

const TEXTS = {
  connecting: "Connecting …",
  connected: "Connected",
  reconnecting: "Reconnecting …",
  offline: "Offline",
  closed: "Closed",
} as const;

/** The state of the connection, in colour and words, and the time that a message takes. */
export class StatusView {
  readonly #button = byId("status", HTMLButtonElement);
  readonly #text = byId("status-text", HTMLSpanElement);
  readonly #banner = byId("banner", HTMLDivElement);
  readonly #latencyText = byId("latency", HTMLSpanElement);
  readonly #latency: Latency;

  constructor(client: Client, latency: Latency) {
    this.#latency = latency;
    client.onStatus((status) => this.#draw(status));
    this.#draw(client.status);
    this.#button.onclick = () => client.retryNow();
  }

  drawLatency(): void {
    const ms = this.#latency.medianMs;
    this.#latencyText.hidden = ms === undefined;
    if (ms === undefined) return;
    this.#latencyText.textContent = ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
    this.#latencyText.title = "From sending a message to seeing it come back, median of the last 9";
  }

  #draw(status: ConnectionStatus): void {
    const { state } = status;
    this.#button.dataset["state"] = state;
    this.#text.textContent = TEXTS[state];
    const waiting = state === "reconnecting" || state === "offline";
    this.#button.disabled = !waiting;
    this.#button.title = waiting ? "Try now" : "";
    this.#latencyText.classList.toggle("hidden", state !== "connected");
    this.#banner.hidden = state === "connected" || state === "connecting";
    if (waiting) {
      this.#latency.interrupted();
      this.#banner.textContent =
        "No connection at the moment. Keep writing: your messages are sent when it is back.";
    } else if (state === "closed" && status.error) {
      this.#banner.textContent = `The connection is closed: ${reasonText(status.error)}. Reload to try again.`;
    }
  }
}
