export interface TransportHandlers {
  open(): void;
  message(text: string): void;
  /** At most once, and the last call; the code is 1006 when the transport knows none. */
  close(code: number, reason: string): void;
}

export interface TransportSocket {
  send(text: string): void;
  close(): void;
}

/**
 * Opens one socket. It MUST NOT call a handler before it has returned, and SHOULD report a failure
 * to open as `close`.
 */
export type Transport = (
  url: string,
  protocol: string,
  handlers: TransportHandlers,
) => TransportSocket;

/** The host's own WebSocket: browsers, Bun, Deno, and Node from version 22. */
export const webSocketTransport: Transport = (url, protocol, handlers) => {
  const socket = new WebSocket(url, protocol);
  let ended = false;
  const end = (code: number, reason: string): void => {
    if (ended) return;
    ended = true;
    handlers.close(code, reason);
  };
  socket.addEventListener("open", () => handlers.open());
  socket.addEventListener("message", (event: { data: unknown }) => {
    if (typeof event.data === "string") handlers.message(event.data);
  });
  socket.addEventListener("close", (event) => end(event.code, event.reason));
  // Some hosts report a failed handshake only as an error, without a close.
  socket.addEventListener("error", () => {
    if (socket.readyState === WebSocket.CLOSED) end(1006, "");
  });
  return {
    send: (text) => socket.send(text),
    close: () => socket.close(1000),
  };
};
