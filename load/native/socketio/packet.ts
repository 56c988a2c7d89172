/*
 * The packets of Engine.IO 4 and Socket.IO 5 that a chat needs, as text. One WebSocket message
 * carries one packet: this protocol has no way to put several into one.
 */

/** Where a Socket.IO server takes WebSockets, without the HTTP polling before. */
export const SOCKET_IO_PATH = "/socket.io/?EIO=4&transport=websocket";

/** Engine.IO: the server asks whether the client lives. */
const PING = "2";
/** The answer. */
export const PONG = "3";

/** Asks for the default namespace, with what the server's middleware sees as `handshake.auth`. */
export function connectPacket(auth: Readonly<Record<string, string>>): string {
  return `40${JSON.stringify(auth)}`;
}

/** An event that the server acknowledges under `id`. */
export function eventPacket(id: number, name: string, ...args: readonly unknown[]): string {
  return `42${id}${JSON.stringify([name, ...args])}`;
}

export type Packet =
  | { readonly kind: "open" | "ping" | "connected" }
  | { readonly kind: "ack"; readonly id: number; readonly args: readonly unknown[] }
  | { readonly kind: "event"; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: "error"; readonly text: string };

/** Takes a packet apart; whatever is not of those above is an error. */
export function parsePacket(text: string): Packet {
  if (text === PING) return { kind: "ping" };
  if (text.startsWith("0")) return { kind: "open" };
  if (text.startsWith("40")) return { kind: "connected" };
  const match = /^4([23])(\d*)(\[.*\])$/s.exec(text);
  if (match === null) return { kind: "error", text };
  const args = JSON.parse(match[3] ?? "[]") as unknown[];
  if (match[1] === "3") return { kind: "ack", id: Number(match[2]), args };
  return { kind: "event", name: String(args[0]), args: args.slice(1) };
}
