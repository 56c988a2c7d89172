import type { NetworkHints } from "../../../src/client/platform.ts";
import type { Transport, TransportHandlers } from "../../../src/client/transport.ts";
import type { Event } from "../../../src/wire/event.ts";
import type { ErrorBody } from "../../../src/wire/frame.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface Command {
  readonly id: number;
  readonly [verb: string]: unknown;
}

interface Body {
  readonly conversation: string;
  readonly cursor?: string;
  readonly tail?: number;
  readonly after?: string;
  readonly before?: string;
  readonly limit?: number;
  readonly key: string;
  readonly attempt?: number;
  readonly content: Record<string, unknown>;
}

export interface Conversation {
  epoch: string;
  floor: number;
  events: Event[];
  /** Placements since the last of them: what the server sees more than once. */
  readonly keys: Map<string, string>;
}

/** One socket as the server sees it. */
export class FakeSocket {
  readonly #server: FakeServer;
  readonly #handlers: TransportHandlers;
  readonly frames: string[] = [];
  readonly subscriptions = new Set<string>();
  open = true;
  authenticated = false;

  constructor(server: FakeServer, handlers: TransportHandlers) {
    this.#server = server;
    this.#handlers = handlers;
  }

  say(line: object | string): void {
    const text = typeof line === "string" ? line : JSON.stringify(line);
    this.#server.clock.after(this.#server.latencyMs, () => {
      if (this.open) this.#handlers.message(text);
    });
  }

  push(push: object): void {
    for (const line of this.#server.pushFault(JSON.stringify({ push }))) this.say(line);
  }

  /** The server, or the network, ends the socket at once: what is on the way is lost. */
  close(code = 1006, reason = ""): void {
    if (!this.open) return;
    this.open = false;
    this.#server.sockets.delete(this);
    this.#handlers.close(code, reason);
  }
}

/** The client protocol over a virtual clock, as a transport that can be made to fail. */
export class FakeServer {
  readonly clock: VirtualClock;
  readonly sockets = new Set<FakeSocket>();
  readonly commands: Command[] = [];
  readonly tokens: string[] = [];
  readonly #conversations = new Map<string, Conversation>();
  latencyMs = 1;
  up = true;
  opened = 0;
  expiresAt: number | undefined;
  /** How many of the newest events history does not have yet, though they were pushed. */
  unstored = 0;
  limits = {
    frame_bytes: 262_144,
    frame_lines: 256,
    content_bytes: 65_536,
    credit: 512,
    subscriptions: 1_000,
  };
  pushFault: (line: string) => string[] = (line) => [line];
  /** Answers instead of the server: an error's body, `"silence"`, or undefined to let it go on. */
  intercept: (verb: string, command: Command) => Partial<ErrorBody> | "silence" | undefined = () =>
    undefined;
  #epochs = 0;
  #nextId = 0;

  constructor(clock: VirtualClock) {
    this.clock = clock;
  }

  readonly transport: Transport = (_url, _protocol, handlers) => {
    const socket = new FakeSocket(this, handlers);
    this.opened++;
    this.clock.after(this.latencyMs, () => {
      if (!socket.open) return;
      if (!this.up) return socket.close();
      this.sockets.add(socket);
      handlers.open();
    });
    return {
      send: (text) => {
        socket.frames.push(text);
        this.clock.after(this.latencyMs, () => {
          if (socket.open) for (const line of text.split("\n")) this.#receive(socket, line);
        });
      },
      close: () => {
        socket.open = false;
        this.sockets.delete(socket);
      },
    };
  };

  get socket(): FakeSocket {
    const socket = [...this.sockets].at(-1);
    if (!socket) throw new Error("no socket is open");
    return socket;
  }

  conversation(name: string): Conversation {
    let conversation = this.#conversations.get(name);
    if (!conversation) {
      conversation = { epoch: "", floor: 1, events: [], keys: new Map() };
      this.#conversations.set(name, conversation);
    }
    return conversation;
  }

  publish(name: string, text: string, key = `key-${++this.#nextId}`): void {
    const conversation = this.conversation(name);
    if (conversation.epoch === "") conversation.epoch = `e${++this.#epochs}`;
    const seq = conversation.floor + conversation.events.length;
    const event: Event = {
      id: `${key}.x`,
      type: "message.sent",
      timestamp: this.clock.now(),
      key,
      sender: "ana",
      kind: "text",
      content: { text },
    };
    conversation.events.push(event);
    for (const socket of this.sockets) {
      if (socket.subscriptions.has(name)) socket.push({ conversation: name, seq, event });
    }
  }

  /** Forgets everything before `floor`. */
  expire(name: string, floor: number): void {
    const conversation = this.conversation(name);
    conversation.events = conversation.events.slice(floor - conversation.floor);
    conversation.floor = floor;
  }

  /** An accepted loss: another epoch with other events, told to readers that are there. */
  startOver(name: string): void {
    const conversation = this.conversation(name);
    conversation.epoch = `e${++this.#epochs}`;
    conversation.events = [];
    conversation.floor = 1;
    const { epoch, floor } = conversation;
    for (const socket of this.sockets) {
      if (socket.subscriptions.has(name))
        socket.say({ push: { reset: { conversation: name, epoch, floor } } });
    }
  }

  kill(): void {
    for (const socket of this.sockets) socket.close();
  }

  verbs(): string[] {
    return this.commands.map((command) => Object.keys(command).find((name) => name !== "id") ?? "");
  }

  #receive(socket: FakeSocket, line: string): void {
    if (line === "{}") return void this.commands.push({ id: 0, heartbeat: true });
    const command = JSON.parse(line) as Command;
    const { id } = command;
    this.commands.push(command);
    const verb = Object.keys(command).find((name) => name !== "id") ?? "";
    const fault = this.intercept(verb, command);
    if (fault === "silence") return;
    if (fault) {
      return socket.say({
        id,
        error: { code: "internal", message: "fault", retriable: true, ...fault },
      });
    }
    const body = command[verb] as Body;
    if (verb === "connect") this.#connect(socket, id, command);
    else if (verb === "refresh") this.#refresh(socket, id, command);
    else if (verb === "subscribe") this.#subscribe(socket, id, body);
    else if (verb === "unsubscribe") {
      socket.subscriptions.delete(body.conversation);
      socket.say({ id, unsubscribe: {} });
    } else if (verb === "history") this.#answerHistory(socket, id, body);
    else if (verb === "send") this.#send(socket, id, body);
  }

  #connect(socket: FakeSocket, id: number, command: Command): void {
    const { token } = command["connect"] as { token: string };
    this.tokens.push(token);
    socket.authenticated = true;
    const who = { connection: `c${this.opened}`, tenant: "demo", user: "ana" };
    const times = { heartbeat_ms: 25_000, expires_at: this.expiresAt };
    socket.say({ id, connect: { ...who, ...times, limits: this.limits } });
  }

  #refresh(socket: FakeSocket, id: number, command: Command): void {
    this.tokens.push((command["refresh"] as { token: string }).token);
    socket.say({ id, refresh: { expires_at: this.expiresAt } });
  }

  #subscribe(socket: FakeSocket, id: number, body: Body): void {
    const { conversation: name, cursor, tail } = body;
    const { epoch, floor, events } = this.conversation(name);
    const head = floor + events.length - 1;
    const [cursorEpoch, cursorSeq] = cursor?.split(".") ?? [];
    let next = tail === undefined ? head + 1 : Math.max(floor, head - tail + 1);
    let reason: string | undefined;
    if (cursor !== undefined) {
      next = Number(cursorSeq) + 1;
      if (cursorEpoch !== epoch) reason = "epoch_changed";
      else if (next > head + 1) reason = "ahead";
      else if (next < floor) reason = "expired";
      if (reason) next = floor;
    }
    socket.subscriptions.add(name);
    socket.say({ id, subscribe: { epoch, head, floor, recovered: reason === undefined, reason } });
    for (let seq = next; seq <= head; seq++) {
      socket.push({ conversation: name, seq, event: events[seq - floor] });
    }
    socket.say({ push: { live: { conversation: name, seq: head } } });
  }

  #answerHistory(socket: FakeSocket, id: number, body: Body): void {
    const cursor = body.after ?? body.before;
    if (
      cursor !== undefined &&
      cursor.split(".")[0] !== this.conversation(body.conversation).epoch
    ) {
      const message = "the cursor is of another epoch";
      return socket.say({ id, error: { code: "invalid_cursor", message, retriable: false } });
    }
    socket.say({ id, history: this.#history(body) });
  }

  #history(body: Body): object {
    const { epoch, floor, events: all } = this.conversation(body.conversation);
    const events = all.slice(0, all.length - this.unstored);
    const head = floor + events.length - 1;
    const limit = body.limit ?? 50;
    const seqs = events.map((event, index) => ({ seq: floor + index, event }));
    const seqOf = (cursor: string): number => Number(cursor.split(".")[1]);
    let found = seqs;
    let more = false;
    if (body.after !== undefined) {
      const after = seqOf(body.after);
      found = seqs.filter(({ seq }) => seq > after);
      more = found.length > limit;
      found = found.slice(0, limit);
    } else {
      const before = body.before === undefined ? head + 1 : seqOf(body.before);
      found = seqs.filter(({ seq }) => seq < before);
      more = found.length > limit;
      found = found.slice(-limit);
    }
    return { epoch, head, floor, more, events: found };
  }

  #send(socket: FakeSocket, id: number, body: Body): void {
    const conversation = this.conversation(body.conversation);
    const placed = conversation.keys.has(body.key);
    if (!placed) {
      conversation.keys.set(body.key, `${body.key}.x`);
      this.publish(body.conversation, String(body.content["text"]), body.key);
    }
    socket.say({ id, send: { message: `${body.key}.x`, durability: "disk" } });
  }
}

/** A network that a test switches on and off. */
export class FakeNetwork implements NetworkHints {
  #online = true;
  #changed: ((online: boolean) => void) | undefined;

  online(): boolean {
    return this.#online;
  }

  watch(changed: (online: boolean) => void): () => void {
    this.#changed = changed;
    return () => {
      this.#changed = undefined;
    };
  }

  set(online: boolean): void {
    this.#online = online;
    this.#changed?.(online);
  }
}
