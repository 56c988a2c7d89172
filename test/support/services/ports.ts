import { readFileSync } from "node:fs";

const LOWEST = 15_000;
const EPHEMERAL_USUALLY_FROM = 32_768;
const TRIES = 200;

const given = new Set<number>();

/**
 * Ports of the loopback address that nobody listens on, each given out once by this process. They
 * lie below the range from which the kernel takes the ports of outgoing connections: a client that
 * keeps dialling a dead port of that range may get it as its own and so be connected to itself, and
 * the service that is started again finds its port taken.
 */
export function freePorts(count: number): number[] {
  const highest = ephemeralFrom();
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries += 1) {
    if (tries === TRIES * count) throw new Error(`no free port from ${LOWEST} to ${highest}`);
    const port = LOWEST + Math.floor(Math.random() * (highest - LOWEST));
    if (given.has(port) || !isFree(port)) continue;
    given.add(port);
    ports.push(port);
  }
  return ports;
}

/** {@link freePorts} for one. */
export function freePort(): number {
  const [port] = freePorts(1);
  if (port === undefined) throw new Error("no free port");
  return port;
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}

function ephemeralFrom(): number {
  try {
    const [from = ""] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/);
    return Math.max(LOWEST + 1_000, Number(from) || EPHEMERAL_USUALLY_FROM);
  } catch {
    return EPHEMERAL_USUALLY_FROM;
  }
}
