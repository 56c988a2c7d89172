import { describe, expect, spyOn, test } from "bun:test";
import type { ConnectionState } from "../../../src/client/tidegate.ts";
import { CLOSE_TABLE } from "../../../src/close-codes.ts";
import { clientBench, type Bench } from "../../support/client/client-bench.ts";

function statesOf({ client }: Bench): ConnectionState[] {
  const states: ConnectionState[] = [client.status.state];
  client.onStatus(({ state }) => {
    if (states.at(-1) !== state) states.push(state);
  });
  return states;
}

describe("a connection", () => {
  test("says where it is from the first try to the end", async () => {
    const bench = clientBench();
    const states = statesOf(bench);
    await bench.clock.advance(100);
    expect(bench.client.identity).toEqual({ connection: "c1", tenant: "demo", user: "ana" });
    bench.server.kill();
    await bench.clock.advance(5_000);
    bench.client.close();
    expect(states).toEqual(["connecting", "connected", "reconnecting", "connected", "closed"]);
    expect(bench.server.sockets.size).toBe(0);
    await bench.clock.advance(60_000);
    expect(bench.server.opened).toBe(2);
  });

  test("waits a random part of a growing time between tries", async () => {
    const bench = clientBench({ backoffBaseMs: 100, backoffCapMs: 5_000 });
    bench.server.up = false;
    const waits: number[] = [];
    bench.client.onStatus(({ retryAt }) => {
      if (retryAt !== undefined) waits.push(retryAt - bench.clock.now());
    });
    await bench.clock.advance(120_000);
    expect(waits.length).toBeGreaterThan(30);
    for (const [attempt, wait] of waits.entries()) {
      expect(wait).toBeGreaterThanOrEqual(0);
      expect(wait).toBeLessThanOrEqual(Math.min(5_000, 100 * 2 ** attempt));
    }
    const late = waits.slice(10);
    expect(Math.max(...late) - Math.min(...late)).toBeGreaterThan(2_500);
    bench.server.up = true;
    await bench.clock.advance(10_000);
    expect(bench.client.status.state).toBe("connected");
  });

  test("goes on waiting longer while connections do not last", async () => {
    const bench = clientBench({ backoffBaseMs: 100, backoffCapMs: 100_000 });
    bench.client.onStatus(({ state }) => {
      if (state === "connected") bench.clock.after(10, () => bench.server.kill());
    });
    await bench.clock.advance(60_000);
    expect(bench.server.opened).toBeLessThan(16);
    expect(bench.client.status.attempt).toBeGreaterThan(5);
  });

  test("comes back when a draining server told it to", async () => {
    const bench = clientBench();
    await bench.clock.advance(100);
    bench.server.socket.say({ push: { reconnect: { after_ms: 3_000, reason: "draining" } } });
    await bench.clock.advance(10);
    expect(bench.client.status.state).toBe("connected");
    bench.server.socket.close(CLOSE_TABLE.draining.code);
    await bench.clock.advance(2_990);
    expect(bench.server.opened).toBe(1);
    await bench.clock.advance(20);
    expect(bench.client.status.state).toBe("connected");
  });

  test.each(Object.entries(CLOSE_TABLE))(
    "does after %s what its range says",
    async (_name, { code }) => {
      const bench = clientBench();
      await bench.clock.advance(100);
      bench.server.socket.close(code, "why");
      await bench.clock.advance(5_000);
      expect(bench.client.status.state).toBe(code < 4500 ? "connected" : "closed");
      if (code >= 4500) expect(bench.client.status.error?.code).toBe("connection_refused");
    },
  );

  test("answers heartbeats, and takes long silence for the end", async () => {
    const bench = clientBench();
    const states = statesOf(bench);
    await bench.clock.advance(100);
    for (let i = 0; i < 4; i++) {
      bench.server.socket.say("{}");
      await bench.clock.advance(25_000);
    }
    expect(bench.server.verbs().filter((verb) => verb === "heartbeat")).toHaveLength(4);
    expect(bench.server.opened).toBe(1);
    await bench.clock.advance(24_000);
    expect(bench.server.opened).toBe(1);
    await bench.clock.advance(2_000);
    expect(states).toEqual(["connecting", "connected", "reconnecting", "connected"]);
    expect(bench.server.opened).toBe(2);
  });

  test("tries again when the server does not answer connect", async () => {
    const bench = clientBench({ connectTimeoutMs: 2_000 });
    let silent = true;
    bench.server.intercept = (verb) => (verb === "connect" && silent ? "silence" : undefined);
    await bench.clock.advance(1_990);
    silent = false;
    await bench.clock.advance(5_000);
    expect(bench.server.opened).toBe(2);
    expect(bench.client.status.state).toBe("connected");
  });

  test("is offline while the host has no network, and back at once when it has", async () => {
    const bench = clientBench({ backoffBaseMs: 60_000, backoffCapMs: 60_000 });
    const states = statesOf(bench);
    await bench.clock.advance(100);
    bench.server.up = false;
    bench.network.set(false);
    await bench.clock.advance(10);
    expect(bench.client.status.state).toBe("offline");
    bench.server.up = true;
    bench.network.set(true);
    await bench.clock.advance(10);
    expect(states).toEqual(["connecting", "connected", "offline", "reconnecting", "connected"]);
  });

  test("reaches a server without any network, as on a laptop on a train", async () => {
    const bench = clientBench();
    bench.network.set(false);
    await bench.clock.advance(5_000);
    expect(bench.client.status.state).toBe("connected");
  });

  test("closes for good when its fixed token is refused", async () => {
    const bench = clientBench();
    bench.server.intercept = (verb) =>
      verb === "connect" ? { code: "unauthenticated", retriable: false } : undefined;
    await bench.clock.advance(60_000);
    expect(bench.client.status).toMatchObject({
      state: "closed",
      error: { code: "unauthenticated" },
    });
    expect(bench.server.opened).toBe(1);
    await expect(bench.client.history("general")).rejects.toMatchObject({
      code: "unauthenticated",
    });
    expect(() => bench.client.subscribe("general")).toThrow("fault");
  });

  test("tries one fresh token when one is refused, and no more", async () => {
    let fetched = 0;
    const bench = clientBench({ token: () => Promise.resolve(`t${++fetched}`) });
    bench.server.intercept = (_verb, command) => {
      const { token } = (command["connect"] ?? {}) as { token?: string };
      return token === "t1" ? { code: "token_expired", retriable: false } : undefined;
    };
    await bench.clock.advance(5_000);
    expect(bench.client.status.state).toBe("connected");
    bench.server.intercept = (verb) =>
      verb === "connect" ? { code: "unauthenticated", retriable: false } : undefined;
    bench.server.kill();
    await bench.clock.advance(60_000);
    expect(bench.client.status.state).toBe("closed");
    expect(fetched).toBe(4);
  });

  test("waits when its token cannot be fetched", async () => {
    let tries = 0;
    const token = (): Promise<string> =>
      ++tries < 4 ? Promise.reject(new Error("no answer")) : Promise.resolve("t");
    const bench = clientBench({ token });
    const errors = new Set<string>();
    bench.client.onStatus(({ error }) => error && errors.add(error.message));
    await bench.clock.advance(30_000);
    expect(bench.client.status.state).toBe("connected");
    expect([...errors]).toEqual(["Cannot get a token: no answer"]);
  });

  test("does not wait for ever for a token", async () => {
    let tries = 0;
    const token = (): Promise<string> =>
      ++tries === 1 ? new Promise(() => {}) : Promise.resolve("t");
    const bench = clientBench({ token, connectTimeoutMs: 3_000 });
    await bench.clock.advance(2_990);
    expect(tries).toBe(1);
    await bench.clock.advance(5_000);
    expect(bench.client.status.state).toBe("connected");
  });

  test("renews its token before it ends, and asks again when that fails", async () => {
    let fetched = 0;
    const bench = clientBench({ token: () => Promise.resolve(`t${++fetched}`) });
    bench.server.expiresAt = Math.floor(bench.clock.now() / 1000) + 600;
    await bench.clock.advance(100);
    for (let i = 0; i < 48; i++) {
      bench.server.socket.say("{}");
      await bench.clock.advance(11_000);
    }
    expect(bench.server.tokens).toEqual(["t1"]);
    let faults = 2;
    bench.server.intercept = (verb) =>
      verb === "refresh" && faults-- > 0 ? { code: "overloaded" } : undefined;
    bench.server.expiresAt += 600;
    for (let i = 0; i < 7; i++) {
      bench.server.socket.say("{}");
      await bench.clock.advance(3_000);
    }
    expect(bench.server.tokens).toEqual(["t1", "t4"]);
    expect(bench.server.opened).toBe(1);
  });

  test("hands over a new token when it is told to", async () => {
    let fetched = 0;
    const bench = clientBench({ token: () => Promise.resolve(`t${++fetched}`) });
    await bench.clock.advance(100);
    const refreshed = bench.client.refreshToken();
    await bench.clock.advance(100);
    await refreshed;
    expect(bench.server.tokens).toEqual(["t1", "t2"]);
  });

  test("does not end with what a listener throws", async () => {
    const bench = clientBench();
    const thrown: unknown[] = [];
    const report = spyOn(globalThis, "reportError").mockImplementation((error) =>
      thrown.push(error),
    );
    bench.client.onStatus(() => {
      throw new Error("listener");
    });
    await bench.clock.advance(100);
    report.mockRestore();
    expect(bench.client.status.state).toBe("connected");
    expect(thrown).toHaveLength(2);
  });

  test("survives what is no JSON by connecting again", async () => {
    const bench = clientBench();
    await bench.clock.advance(100);
    bench.server.socket.say("{nonsense");
    await bench.clock.advance(5_000);
    expect(bench.client.status.state).toBe("connected");
    expect(bench.server.opened).toBe(2);
  });
});
