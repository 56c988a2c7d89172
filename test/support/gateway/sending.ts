import type { Receipt } from "../../../src/wire/frame.ts";
import type { ProtocolClient } from "./protocol-client.ts";

const IN_FLIGHT = 100;

export function freshKey(): string {
  return Bun.randomUUIDv7();
}

/** Sends one message under a key of its own. */
export function say(
  client: ProtocolClient,
  conversation: string,
  text: string,
  key = freshKey(),
): Promise<Receipt> {
  return client.ask("send", { conversation, key, attempt: 1, content: { text } });
}

/** Sends `count` messages, a hundred at a time, and resolves when all have their receipt. */
export async function sayMany(
  client: ProtocolClient,
  conversation: string,
  count: number,
  text: (index: number) => string,
): Promise<void> {
  for (let first = 0; first < count; first += IN_FLIGHT) {
    const commands = Array.from({ length: Math.min(IN_FLIGHT, count - first) }, (_, i) =>
      client.command("send", {
        conversation,
        key: freshKey(),
        attempt: 1,
        content: { text: text(first + i) },
      }),
    );
    for (const { line } of commands) client.text(line);
    await Promise.all(commands.map(({ reply }) => reply));
  }
}

/** 1, 2, 3 … to `last`, from `first` on. */
export function run(last: number, first = 1): readonly number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}
