import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ISocketFactoryArgs } from "kafkajs";

const KEEP_ALIVE_MS = 60_000;
/** Begins what a TLS server says to a client that does not speak TLS: an alert, of TLS 1.x. */
const TLS_ALERT = 0x15;
const TLS_MAJOR = 0x03;

/** Those whose peer ended the TLS handshake. The runtime tells that as any other lost connection. */
const cut = new WeakSet<Socket>();

/** What it means that the peer ended the handshake on this socket; undefined when it did not. */
export function handshakeFault(socket: Socket | undefined): Error | undefined {
  return socket !== undefined && cut.has(socket)
    ? new Error("The handshake was cut off: verify the broker supports TLS")
    : undefined;
}

/**
 * The library's own sockets wait for more bytes before they send a small request, hang for
 * good when a peer ends the handshake, and take a TLS alert for an answer of 350 megabytes.
 */
export function createBrokerSocket({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
  const socket = ssl ? tlsSocket(host, port, ssl, onConnect) : plainSocket(host, port, onConnect);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.setNoDelay(true);
  return socket;
}

function plainSocket(host: string, port: number, onConnect: () => void): Socket {
  const socket = connect({ host, port }, onConnect);
  socket.once("data", (bytes: Buffer) => {
    if (bytes[0] === TLS_ALERT && bytes[1] === TLS_MAJOR)
      socket.destroy(new Error("Broker requires TLS"));
  });
  return socket;
}

function tlsSocket(
  host: string,
  port: number,
  options: ISocketFactoryArgs["ssl"],
  onConnect: () => void,
): Socket {
  let secure = false;
  const name = isIP(host) === 0 ? { servername: host } : {};
  const socket = connectTls({ host, port, ...name, ...options }, () => {
    secure = true;
    onConnect();
  });
  socket.once("end", () => {
    if (secure) return;
    cut.add(socket);
    socket.destroy(new Error("The peer ended the handshake"));
  });
  return socket;
}
