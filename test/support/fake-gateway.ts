import type { Server, ServerWebSocket } from "bun";
import type { Target } from "../../load/native/orders.ts";
import { RunKey } from "../../load/token.ts";

/** What the fake does wrong, each at the n-th delivery of the whole run. */
export interface FakeFaults {
  readonly dropAt?: number;
  readonly repeatAt?: number;
  readonly swapAt?: number;
  readonly alterAt?: number;
  /** Acks this message and places it nowhere. */
  readonly forgetAt?: number;
  /** Says nothing for `stallMs` from this message on, then everything at once. */
  readonly stallAt?: number;
  readonly stallMs?: number;
  /** Delivers this message to everyone, whether they read its conversation or not. */
  readonly leakAt?: number;
  /** Delivers this message once more to its readers, in a conversation of another run. */
  readonly strayAt?: number;
  /** Writes events with their fields in another order, which is the same JSON. */
  readonly shuffled?: boolean;
  /** Sends a heartbeat to every socket together with the answer to its handshake. */
  readonly greets?: boolean;
  /** Ends the n-th socket together with the answer to its handshake. */
  readonly closeAt?: number;
  /** Answers nothing on the n-th socket from its first subscription on. */
  readonly muteAt?: number;
}

interface Conversation {
  readonly events: string[];
  readonly contents: Map<string, string>;
  readonly readers: Set<Client>;
}

interface Client {
  readonly lines: string[];
  number: number;
  isMute: boolean;
  user: string;
  socket: ServerWebSocket<Client> | undefined;
}

interface Body {
  conversation: string;
  key: string;
  cursor?: string;
  token: string;
  limit?: number;
}

const EPOCH = "e1";
const STRAY = "load-0000000-0000000";
const SCOPE = "abcdefghijklmnop";

/** The client protocol over memory, with one worker's worth of order and no durability at all. */
export class FakeGateway {
  readonly #conversations = new Map<string, Conversation>();
  readonly #faults: FakeFaults;
  readonly #waiting = new Set<Client>();
  readonly #server: Server<Client>;
  readonly #clients = new Set<Client>();
  #deliveries = 0;
  #sends = 0;
  #isStalled = false;
  #sockets = 0;
  /** Answers to heartbeats. */
  pongs = 0;

  constructor(faults: FakeFaults = {}) {
    this.#faults = faults;
    this.#server = Bun.serve<Client>({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request, server) => {
        const data = { lines: [], number: 0, isMute: false, user: "", socket: undefined };
        const headers = { "sec-websocket-protocol": "tidegate.v1" };
        return server.upgrade(request, { data, headers }) ? undefined : new Response("ok");
      },
      websocket: {
        open: (ws) => this.#opened(ws),
        message: (ws, text) => this.#frame(ws.data, String(text)),
        close: (ws) => this.#forget(ws.data),
      },
    });
  }

  /** What a load program is told of it. It takes any token. */
  get target(): Target {
    const addresses = [{ hostname: "127.0.0.1", port: this.port }];
    return { protocol: "tidegate", addresses, key: new RunKey().key };
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  #opened(ws: ServerWebSocket<Client>): void {
    const { greets, closeAt } = this.#faults;
    ws.data.socket = ws;
    ws.data.number = ++this.#sockets;
    this.#clients.add(ws.data);
    if (greets === true) ws.send("{}");
    if (ws.data.number === closeAt) ws.close(4013, "overloaded");
  }

  #frame(client: Client, text: string): void {
    try {
      for (const line of text.split("\n")) this.#command(client, line);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      client.socket?.close(4500, "not JSON");
    }
  }

  #command(client: Client, line: string): void {
    const command = JSON.parse(line) as Record<string, Body> & { id?: number };
    const { id } = command;
    client.isMute ||= command["subscribe"] !== undefined && client.number === this.#faults.muteAt;
    if (id === undefined) this.pongs++;
    else if (client.isMute) return;
    else if (command["connect"]) {
      const payload = command["connect"].token.split(".")[1] ?? "";
      client.user = (JSON.parse(atob(payload)) as { sub: string }).sub;
      this.#say(client, JSON.stringify({ id, connect: { user: client.user } }));
    } else if (command["subscribe"]) this.#subscribe(client, id, command["subscribe"]);
    else if (command["history"]) {
      const head = this.#conversation(command["history"].conversation).events.length;
      this.#say(client, JSON.stringify({ id, history: { epoch: EPOCH, head, floor: 1 } }));
    } else if (command["send"]) this.#send(client, id, command["send"], line);
  }

  #subscribe(client: Client, id: number, body: Body): void {
    const { conversation } = body;
    const { events, readers } = this.#conversation(conversation);
    const head = events.length;
    const reply = { epoch: EPOCH, head, floor: 1, recovered: true };
    this.#say(client, JSON.stringify({ id, subscribe: reply }));
    const from = body.cursor === undefined ? head : Number(body.cursor.split(".")[1]);
    for (let seq = from + 1; seq <= head; seq++) {
      this.#say(client, push(conversation, seq, events[seq - 1] as string));
    }
    this.#say(client, JSON.stringify({ push: { live: { conversation, seq: head } } }));
    readers.add(client);
  }

  #send(client: Client, id: number, body: Body, line: string): void {
    const { key, conversation } = body;
    const messageId = `${key}.${SCOPE}`;
    this.#say(
      client,
      `{"id":${id},"send":{"message":"${messageId}","durability":"disk","at":{"partition":0,"offset":"${id}"}}}`,
    );
    const content = line.slice(line.indexOf('"content":') + 10, -2);
    const { contents, events, readers } = this.#conversation(conversation);
    const known = contents.get(key);
    contents.set(key, known ?? content);
    if (known !== undefined) {
      const refused = { conversation, key, message: messageId, code: "key_conflict" };
      if (known !== content) this.#say(client, JSON.stringify({ push: { refused } }));
      return;
    }
    this.#sends++;
    if (this.#sends === this.#faults.forgetAt) return;
    if (this.#sends === this.#faults.stallAt) this.#stall(this.#faults.stallMs ?? 0);
    const head = `"id":"${messageId}","type":"message.sent","timestamp":${Date.now()}`;
    const tail = `"key":"${key}","sender":"${client.user}","kind":"text","content":${content}`;
    const event = this.#faults.shuffled === true ? `{${tail},${head}}` : `{${head},${tail}}`;
    events.push(event);
    const everyone = this.#sends === this.#faults.leakAt ? this.#clients : readers;
    for (const reader of everyone) this.#deliver(reader, conversation, events.length, event);
    if (this.#sends !== this.#faults.strayAt) return;
    for (const reader of readers) this.#say(reader, push(STRAY, 1, event));
  }

  #deliver(reader: Client, conversation: string, seq: number, event: string): void {
    const { dropAt, repeatAt, swapAt, alterAt } = this.#faults;
    const at = ++this.#deliveries;
    if (at === dropAt) return;
    const line = push(
      conversation,
      seq,
      at === alterAt ? event.replace('"text":', '"next":') : event,
    );
    const last = reader.lines.at(-1);
    if (swapAt !== undefined && at >= swapAt && last?.startsWith('{"push":{"conv') === true) {
      if (this.#swapped) this.#say(reader, line);
      else reader.lines.splice(-1, 1, line, last);
      this.#swapped = true;
      return;
    }
    this.#say(reader, line);
    if (at === repeatAt) this.#say(reader, line);
  }
  #swapped = false;

  #say(client: Client, line: string): void {
    client.lines.push(line);
    this.#waiting.add(client);
    if (this.#waiting.size === 1) setImmediate(() => this.#flush());
  }

  #stall(ms: number): void {
    this.#isStalled = true;
    setTimeout(() => {
      this.#isStalled = false;
      this.#flush();
    }, ms);
  }

  #flush(): void {
    if (this.#isStalled) return;
    for (const client of this.#waiting) {
      client.socket?.send(client.lines.join("\n"));
      client.lines.length = 0;
    }
    this.#waiting.clear();
  }

  #conversation(name: string): Conversation {
    let conversation = this.#conversations.get(name);
    if (!conversation) {
      conversation = { events: [], contents: new Map(), readers: new Set() };
      this.#conversations.set(name, conversation);
    }
    return conversation;
  }

  #forget(client: Client): void {
    this.#clients.delete(client);
    for (const { readers } of this.#conversations.values()) readers.delete(client);
  }
}

function push(conversation: string, seq: number, event: string): string {
  return `{"push":{"conversation":"${conversation}","seq":${seq},"event":${event}}}`;
}
