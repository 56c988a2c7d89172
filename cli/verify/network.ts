import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket } from "node:net";
import { Fault } from "./check.ts";

/** Addresses of a host. @throws Fault that names the setting */
export async function resolveHost(host: string, setting: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    const addresses = await lookup(host, { all: true });
    return addresses.map(({ address }) => address).join(", ");
  } catch (error) {
    throw new Fault(
      `${host} has no address (${codeOf(error)})`,
      `${setting}: is the host's name right, and does this machine's DNS know it?`,
    );
  }
}

/** An open connection. @throws Fault that names the setting */
export function openSocket(
  host: string,
  port: number,
  timeoutMs: number,
  setting: string,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const fail = (message: string, look: string): void => {
      socket.destroy();
      reject(new Fault(`${host}:${port} ${message}`, `${setting}: ${look}`));
    };
    const timer = setTimeout(
      () =>
        fail(`does not answer within ${timeoutMs} ms`, "is a firewall between, or the host away?"),
      timeoutMs,
    );
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error) => {
      clearTimeout(timer);
      const code = codeOf(error);
      if (code === "ECONNREFUSED")
        fail(
          "refuses the connection (ECONNREFUSED)",
          "is the port right, and does the service run?",
        );
      else fail(`cannot be reached (${code})`, "are host and port right, and is the network up?");
    });
  });
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
