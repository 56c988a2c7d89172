import { describe, expect, test } from "bun:test";
import { createSystemDigest } from "../../../src/adapters/system/digest.ts";
import { CLOSE_TABLE } from "../../../src/close-codes.ts";
import { startMemoryGateway } from "../../support/gateway/memory-gateway.ts";
import { freshKey, say } from "../../support/gateway/sending.ts";
import { until } from "../../support/gateway/until.ts";

const message = (text = "") => ({
  conversation: "general",
  key: freshKey(),
  attempt: 1,
  content: { text },
});

describe("the credit window", () => {
  test("stops reading a socket at its limit, and reads on when half of it is answered", async () => {
    await using gateway = await startMemoryGateway({ creditCommandsMax: 4 });
    const ana = await gateway.connect("ana");
    const bob = await gateway.connect("bob");
    gateway.faults.holdFlush();
    const commands = Array.from({ length: 7 }, () => ana.client.command("send", message()));
    const paused = commands.map(({ line }) => {
      ana.client.text(line);
      return ana.paused;
    });
    expect(paused).toEqual([false, false, false, true, true, true, true]);
    // Other sockets are read.
    const other = bob.client.command("send", message());
    bob.client.text(other.line);
    expect(bob.paused).toBe(false);
    gateway.faults.releaseFlush();
    // What the network had handed over before it was paused is answered as well.
    await Promise.all([...commands, other].map(({ reply }) => reply));
    expect(ana.paused).toBe(false);
  });
});

describe("a log that has enough before it", () => {
  test("has sockets wait, and one whose first frame waits is not closed for being late", async () => {
    await using gateway = await startMemoryGateway({
      appendWindowBytesMin: 100,
      connectTimeoutMs: 100,
      intakeWaitMs: 60_000,
    });
    const ana = await gateway.connect("ana");
    gateway.faults.holdFlush();
    const sent = ana.client.command("send", message());
    ana.client.text(sent.line);
    await until("the log has enough", () => gateway.gateway.appendGate.isClosed);
    const bob = gateway.connect("bob");
    // The gateway looks for those that are late every second.
    const heldS = (): number => gateway.telemetry.value("tidegate_intake_held_seconds_total") ?? 0;
    await until("it has waited", () => heldS() > 1.2);
    gateway.faults.releaseFlush();
    await sent.reply;
    await say((await bob).client, "general", "not late");
  });
});

describe("an append that fails", () => {
  for (const code of ["log_unavailable", "disk_full", "unknown_outcome", "overloaded"] as const) {
    test(`refuses its sends as retriable, and the next ones are taken: ${code}`, async () => {
      await using gateway = await startMemoryGateway();
      const ana = await gateway.connect("ana");
      gateway.faults.failNextAppend({ code });
      expect(await ana.client.refusal("send", message())).toMatchObject({ code, retriable: true });
      await say(ana.client, "general", "taken");
    });
  }

  test("without saying how tells its client nothing of the inside: internal", async () => {
    await using gateway = await startMemoryGateway();
    const ana = await gateway.connect("ana");
    gateway.faults.failNextAppend({ code: "topic_unknown" });
    const error = await ana.client.refusal("send", message());
    expect(error).toEqual({ code: "internal", message: "Internal error", retriable: true });
  });

  test("or has no outcome in time leaves it open: unknown_outcome", async () => {
    await using gateway = await startMemoryGateway({ appendTimeoutMs: 10 });
    const ana = await gateway.connect("ana");
    gateway.faults.holdFlush();
    const error = await ana.client.refusal("send", message());
    expect(error).toMatchObject({ code: "unknown_outcome", retriable: true });
    gateway.faults.releaseFlush();
    await say(ana.client, "general", "taken");
  });

  test("is not begun when too much waits for the log: overloaded", async () => {
    await using gateway = await startMemoryGateway({ appendPendingBytesMax: 4_000 });
    const ana = await gateway.connect("ana");
    gateway.faults.holdFlush();
    const first = ana.client.command("send", message("x".repeat(3_000)));
    ana.client.text(first.line);
    const error = await ana.client.refusal("send", message("x".repeat(3_000)));
    expect(error).toMatchObject({ code: "overloaded", retriable: true, limit: 4_000 });
    expect(error.retry_after_ms).toBeGreaterThan(0);
    gateway.faults.releaseFlush();
    await first.reply;
    await say(ana.client, "general", "x".repeat(3_000));
  });
});

describe("a bug that one client's frame leads to", () => {
  test("ends that client's connection alone, and is logged: internal", async () => {
    const digest = createSystemDigest();
    await using gateway = await startMemoryGateway(
      {},
      {
        ...digest,
        fingerprint(text) {
          if (text.includes("poison")) throw new RangeError("a bug");
          return digest.fingerprint(text);
        },
      },
    );
    const ana = await gateway.connect("ana");
    const bob = await gateway.connect("bob");
    ana.client.text(ana.client.command("send", message("poison")).line);
    expect(await ana.client.end()).toEqual(CLOSE_TABLE["internal"]);
    expect(gateway.telemetry.lines.filter(({ level }) => level === "error")).toHaveLength(1);
    await say(bob.client, "general", "goes on");
  });

  test("also when it comes behind connect in one frame", async () => {
    const digest = createSystemDigest();
    const bug = (): never => {
      throw new RangeError("a bug");
    };
    await using gateway = await startMemoryGateway({}, { ...digest, fingerprint: bug });
    const { client } = gateway.open();
    const connect = client.command("connect", { token: "ana" });
    client.text(`${connect.line}\n${client.command("send", message()).line}`);
    await connect.reply;
    expect(await client.end()).toEqual(CLOSE_TABLE["internal"]);
  });
});
