import { connect } from "node:net";

const TIMEOUT_MS = 1_000;
/** Metadata (key 3), version 1, of no topic, without a client id; its length first. */
const REQUEST = Buffer.from("0000000e0003000100000007ffff00000000", "hex");

/**
 * How many brokers the one behind this port (without TLS) knows to be alive; 0 while it does not
 * answer. A socket that opens proves nothing: brokers listen long before they serve.
 */
export function aliveBrokers(port: number): Promise<number> {
  return new Promise((resolve) => {
    let answer = Buffer.alloc(0);
    const socket = connect({ host: "127.0.0.1", port });
    const settle = (count: number): void => {
      socket.destroy();
      resolve(count);
    };
    socket.setTimeout(TIMEOUT_MS, () => settle(0));
    socket.on("connect", () => void socket.write(REQUEST));
    socket.on("data", (part: Buffer) => {
      answer = Buffer.concat([answer, part]);
      // Length, correlation id, then the count of brokers.
      if (answer.length >= 12) settle(answer.readInt32BE(8));
    });
    socket.on("error", () => settle(0));
    socket.on("close", () => settle(0));
  });
}
