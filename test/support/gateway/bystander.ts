import { expect } from "bun:test";
import type { ProtocolClient } from "./protocol-client.ts";
import type { ServerLine } from "./protocol-lines.ts";
import { freshKey } from "./sending.ts";
import type { TestGateway } from "./test-gateway.ts";

const ROOM = "bystanders";
const USER = "bystander";

/** Two users who chat while others misbehave on the same gateway, and notice nothing. */
export class Bystander implements AsyncDisposable {
  readonly #gateway: TestGateway;
  readonly #writer: ProtocolClient;
  readonly #reader: ProtocolClient;
  #sent = 0;

  private constructor(gateway: TestGateway, writer: ProtocolClient, reader: ProtocolClient) {
    this.#gateway = gateway;
    this.#writer = writer;
    this.#reader = reader;
  }

  static async join(gateway: TestGateway): Promise<Bystander> {
    const writer = await gateway.connect({ user: USER });
    const reader = await gateway.connect({ user: `${USER}-2` });
    await Promise.all([
      writer.ask("subscribe", { conversation: ROOM }),
      reader.ask("subscribe", { conversation: ROOM }),
    ]);
    return new Bystander(gateway, writer, reader);
  }

  /** Goes on chatting until the others are done, and once more after that. */
  async during<T>(others: () => Promise<T>): Promise<T> {
    let isDone = false;
    const result = others().finally(() => (isDone = true));
    // Its failure is thrown below, after the chat has ended.
    result.catch(() => undefined);
    do await this.#say();
    while (!isDone);
    const value = await result;
    await this.#say();
    const seqs = Array.from({ length: this.#sent }, (_, i) => i + 1);
    for (const client of [this.#writer, this.#reader]) {
      expect(client.closed).toBeUndefined();
      expect(client.errors()).toEqual([]);
      expect(client.seqs(ROOM)).toEqual(seqs);
      expect(client.pushes("lag")).toEqual([]);
      // The one reset there is names the epoch that the first message made.
      const begun = client.lines.findIndex((line) => line.kind === "event");
      const isReset = (line: ServerLine) => line.kind === "push" && line.name === "reset";
      expect(client.lines.slice(begun).filter(isReset)).toEqual([]);
    }
    expect(this.#gateway.faults).toEqual([]);
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#reader.close();
  }

  async #say(): Promise<void> {
    const key = freshKey();
    const content = { text: `line ${++this.#sent} 🌊` };
    await this.#writer.ask("send", { conversation: ROOM, key, attempt: 1, content });
    const has = () => this.#reader.events(ROOM).length === this.#sent;
    await this.#reader.until(`bystanders hear line ${this.#sent}`, has);
    await this.#writer.until(
      "the writer hears itself",
      () => this.#writer.events(ROOM).length === this.#sent,
    );
    expect(this.#reader.events(ROOM).at(-1)?.event).toMatchObject({ key, sender: USER, content });
  }
}
