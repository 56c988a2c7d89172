import { expect, test } from "bun:test";
import { createServer, type AddressInfo } from "node:net";
import { startRedisProcess } from "../support/redis/backplane.ts";
import { startRedis } from "../support/services/redis.ts";

const QUICK = { probeIntervalMs: 100, probeTimeoutMs: 500 };
const SLOW_TEST_MS = 30_000;

/** The problem that a process with this URL has, once it has one. */
async function problemWith(url: string): Promise<{ code: string; message: string }> {
  await using started = startRedisProcess({ url }, QUICK);
  for (;;) {
    const problem = started.backplane.problem();
    if (problem !== undefined) {
      // Operators see it, once, and never the password.
      const lines = started.telemetry.lines.filter(({ level }) => level === "warn");
      expect(lines).toHaveLength(1);
      expect(JSON.stringify(lines)).not.toContain("s3cret");
      return { code: problem.code, message: problem.message };
    }
    await Bun.sleep(5);
  }
}

/** A server that answers every command like this. */
async function fakeServer(answer: (command: string) => string) {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (data) => {
      for (const line of data.toString().split("*").slice(1))
        socket.write(answer((line.split("\r\n")[2] ?? "").toUpperCase()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `redis://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

test(
  "a wrong password, a missing one and an unknown user are named as such",
  async () => {
    await using redis = await startRedis();
    await redis.when(0, ["CONFIG", "SET", "requirepass", "right"], /OK/);
    const at = (login: string) => redis.url.replace("redis://", `redis://${login}`);
    for (const login of [":s3cret@", "", "ghost:s3cret@"]) {
      const problem = await problemWith(at(login));
      expect(problem.code).toBe("backplane_unavailable");
      expect(problem.message).toContain("user or password in REDIS_URL");
    }
    await using started = startRedisProcess({ url: at(":right@") }, QUICK);
    await started.backplane.opened();
  },
  SLOW_TEST_MS,
);

test(
  "a read-only replica is refused, as what is published there reaches nobody",
  async () => {
    await using redis = await startRedis({ mode: "sentinel" });
    const problem = await problemWith(`redis://${redis.nodes[1]}`);
    expect(problem.code).toBe("backplane_unsuitable");
    expect(problem.message).toContain("read-only replica");
    const sentinel = await problemWith(`redis://${redis.nodes[2]}`);
    expect(sentinel.code).toBe("backplane_unsuitable");
    expect(sentinel.message).toContain("redis+sentinel://");
    const unknown = await problemWith(`redis+sentinel://${redis.nodes[2]}/nobody`);
    expect(unknown.message).toContain("master by that name");
  },
  SLOW_TEST_MS,
);

test(
  "the mode of the URL has to be the server's",
  async () => {
    await using cluster = await startRedis({ mode: "cluster" });
    const node = await problemWith(cluster.url);
    expect(node.code).toBe("backplane_unsuitable");
    expect(node.message).toContain("redis+cluster://");
    await using single = await startRedis();
    const alone = await problemWith(single.url.replace("redis://", "redis+cluster://"));
    expect(alone.code).toBe("backplane_unsuitable");
    expect(alone.message).toContain("not in cluster mode");
  },
  SLOW_TEST_MS,
);

test("a version without sharded pub/sub is refused by name", async () => {
  await using six = await fakeServer((command) =>
    command === "HELLO"
      ? "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n6.2.14\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
      : "+OK\r\n",
  );
  const problem = await problemWith(six.url);
  expect(problem.code).toBe("backplane_unsuitable");
  expect(problem.message).toContain("version 6.2.14; version 7 or later");
  await using five = await fakeServer((command) =>
    command === "HELLO" ? "-ERR unknown command `HELLO`\r\n" : "+OK\r\n",
  );
  expect((await problemWith(five.url)).message).toContain("older than 6");
});

test("a server that speaks something else, says nothing or is not there is a problem, not a crash", async () => {
  await using http = await fakeServer(() => "HTTP/1.1 400 Bad Request\r\n\r\n");
  expect((await problemWith(http.url)).code).toBe("backplane_unavailable");
  await using silent = await fakeServer(() => "");
  expect((await problemWith(silent.url)).message).toContain("does not answer");
  const { url } = await fakeServer(() => "").then(async (gone) => {
    await gone[Symbol.asyncDispose]();
    return gone;
  });
  expect((await problemWith(url)).message).toContain("nothing listens");
  expect((await problemWith("redis://nowhere.invalid")).message).toContain("has no address");
});
