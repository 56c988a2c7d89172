import { SOCKET_PATH, SUBPROTOCOL } from "../../../gateway/app.ts";
import { ProtocolClient } from "./protocol-client.ts";

export interface OpenOptions {
  readonly origin?: string;
  /** What the client offers; the gateway's own when absent. */
  readonly protocols?: readonly string[];
}

/** A WebSocket of the runtime with a protocol client on it, open and not connected yet. */
export async function openWebSocket(
  port: number,
  options: OpenOptions = {},
): Promise<ProtocolClient & { readonly socket: WebSocket }> {
  const { origin, protocols = [SUBPROTOCOL] } = options;
  const socket = new WebSocket(`ws://127.0.0.1:${port}${SOCKET_PATH}`, {
    protocols: [...protocols],
    ...(origin === undefined ? {} : { headers: { Origin: origin } }),
  });
  const client = new ProtocolClient({
    send: (text) => socket.send(text),
    end: () => socket.close(1000),
  });
  socket.addEventListener("message", ({ data }) => client.heard(String(data)));
  socket.addEventListener("close", ({ code, reason }) => client.ended({ code, reason }));
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve());
    socket.addEventListener("close", ({ code, reason }) =>
      reject(new Error(`not opened: ${code} ${reason}`)),
    );
  });
  return Object.assign(client, { socket });
}
