import { connect, type Socket } from "node:net";
import type { Address } from "../native/socket.ts";
import type { BodySource } from "./body.ts";

/** Posts lines as one request without a length, as fast as the server reads. @returns its answer */
export async function streamLines(
  address: Address,
  token: string,
  bodies: BodySource,
  linesMax: number,
): Promise<string> {
  const socket = connect(address.port, address.hostname);
  const answer = answerOf(socket);
  socket.write(
    `POST /v1/events HTTP/1.1\r\nHost: ${address.hostname}\r\nAuthorization: Bearer ${token}\r\n` +
      `Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`,
  );
  for (let lines = 0; lines < linesMax; lines += bodies.lines) {
    const body = bodies.next();
    socket.write(`${body.length.toString(16)}\r\n`);
    socket.write(body);
    if (!socket.write("\r\n")) await drained(socket);
  }
  socket.write("0\r\n\r\n");
  const text = await answer;
  socket.destroy();
  return text;
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      socket.off("drain", settle).off("error", settle);
      if (error === undefined) resolve();
      else reject(error);
    };
    socket.on("drain", settle).on("error", settle);
  });
}

/** The whole answer: its body is one chunk or has a length, so that its last brace ends it. */
function answerOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("utf8");
      const start = text.indexOf("\r\n\r\n");
      const length = /content-length: (\d+)/i.exec(text)?.[1];
      if (start < 0 || length === undefined) return;
      const body = text.slice(start + 4);
      if (Buffer.byteLength(body) >= Number(length)) resolve(body);
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`the server closed: ${text.slice(0, 500)}`)));
  });
}
