import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { SOCKET_PATH, SUBPROTOCOL } from "../../gateway/app.ts";
import { TcpSocket } from "../support/gateway/tcp-socket.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import { trust } from "../support/gateway/trust.ts";

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
});

afterAll(() => gateway[Symbol.asyncDispose]());

describe("the upgrade", () => {
  test("takes pages of allowed origins only", async () => {
    await using strict = await TestGateway.start({
      settings: { TIDEGATE_ALLOWED_ORIGINS: "https://app.example,http://localhost:3000" },
    });
    const statusOf = async (origin: string): Promise<number> => {
      await using socket = await TcpSocket.open(strict.port, { Origin: origin });
      return socket.status;
    };
    expect(await statusOf("https://app.example")).toBe(101);
    for (const origin of [
      "https://evil.example",
      "http://app.example",
      "https://app.example.evil",
      "https://app.example:444",
      "null",
      `http://127.0.0.1:${strict.port}`,
    ]) {
      expect([origin, await statusOf(origin)]).toEqual([origin, 403]);
    }
    await using client = await strict.open({ origin: "http://localhost:3000" });
    await client.ask("connect", { token: await trust.token({ user: "ana" }) });
  });

  test("takes pages of its own origin when there is no list", async () => {
    await using own = await TcpSocket.open(gateway.port, {
      Origin: `http://127.0.0.1:${gateway.port}`,
    });
    await using other = await TcpSocket.open(gateway.port, { Origin: "http://evil.example" });
    expect([own.status, other.status]).toEqual([101, 403]);
  });

  test("asks for the subprotocol, among others or alone", async () => {
    const headOf = async (protocol: string): Promise<string> => {
      await using socket = await TcpSocket.open(gateway.port, {
        "Sec-WebSocket-Protocol": protocol,
      });
      return socket.head;
    };
    expect(await headOf("tidegate.v9")).toStartWith("HTTP/1.1 400");
    expect(await headOf("")).toStartWith("HTTP/1.1 400");
    const head = await headOf(`chat, ${SUBPROTOCOL}`);
    expect(head).toStartWith("HTTP/1.1 101");
    expect(head.match(/sec-websocket-protocol: .*/gi)).toEqual([
      `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
    ]);
  });

  test("answers a request that is none", async () => {
    const response = await fetch(gateway.url + SOCKET_PATH);
    expect(response.status).toBe(426);
  });

  test("is refused beyond the limits of sockets, and taken again when there is room", async () => {
    await using small = await TestGateway.start({
      limits: { connectionsMax: 3, connectionsUnauthenticatedMax: 2 },
    });
    const first = await small.open();
    await using second = await small.open();
    await using third = await TcpSocket.open(small.port);
    expect(third.status).toBe(503);
    await second.ask("connect", { token: await trust.token({ user: "ana" }) });
    await using fourth = await TcpSocket.open(small.port);
    expect(fourth.status).toBe(101);
    await using fifth = await TcpSocket.open(small.port);
    expect(fifth.status).toBe(503);
    await first.close();
    await using sixth = await small.open();
    await sixth.ask("connect", { token: await trust.token({ user: "bob" }) });
  });
});
