import type { Connection } from "../../gateway/connection.ts";
import type { Gateway } from "../../gateway/gateway.ts";
import type { Socket } from "../../src/ports/socket.ts";
import type { SimProcess } from "./process.ts";
import type { Profile } from "./profile.ts";
import type { SeededRandom } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";
import { count } from "./stats.ts";

/** The process that has the gateway's end. */
export interface LinkHost {
  readonly process: SimProcess;
  readonly gateway: Gateway | undefined;
  /** Takes the frames of the gateway's clients. */
  readonly receive: (connection: Connection, text: string) => void;
  readonly blindConnects: number;
  readonly links: Set<Link>;
}

export interface LinkWorld {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly profile: Profile;
  broken(check: string, message: string): void;
}

/** The client's end of a socket. */
export interface LinkOwner {
  readonly name: string;
  /** Ms between two frames that the client reads. */
  readonly readDelayMs: number;
  received(text: string): void;
  ended(code: number, reason: string): void;
}

/** One socket with both of its ends: frames in order each way, a buffer that fills, ways to end. */
export class Link implements Socket {
  readonly host: LinkHost;
  readonly #world: LinkWorld;
  readonly #gateway: Gateway;
  readonly #receive: (connection: Connection, text: string) => void;
  readonly #owner: LinkOwner;
  readonly #capacity: number;
  readonly #connection: Connection;
  #down: string[] = [];
  #buffered = 0;
  #reading = false;
  #clogged = false;
  #up: string[] = [];
  #carrying = false;
  #paused = false;
  #gatewayDone = false;
  #clientDone = false;
  #vanished = false;
  #stalled = false;
  /** Connects of the gateway that did not know what waits in the outbox, before this one. */
  readonly #blindBefore: number;
  /** The gateway knows that the socket has ended. */
  #told = false;
  #closeCode = 1006;
  #closeReason = "";

  constructor(
    world: LinkWorld,
    host: LinkHost,
    gateway: Gateway,
    owner: LinkOwner,
    capacity: number,
  ) {
    this.#world = world;
    this.host = host;
    this.#gateway = gateway;
    this.#receive = host.receive;
    this.#owner = owner;
    this.#capacity = capacity;
    host.links.add(this);
    this.#connection = gateway.open(this);
    this.#blindBefore = host.blindConnects;
  }

  /** Whether this connection may have gone on without knowing what waits in the outbox. */
  get mayBeBlind(): boolean {
    return this.host.blindConnects !== this.#blindBefore;
  }

  // The gateway's end.

  send(text: string): number {
    if (this.#gatewayDone) return 0;
    const { limits } = this.#world.profile;
    const most =
      2 * (limits.outboundQueueBytesMax + limits.catchUpPageBytesMax) +
      limits.creditCommandsMax * 2 * limits.historyBytesMax;
    if (text.length > most)
      this.#world.broken("G6", `${text.length} characters waited for one socket`);
    if (this.#clogged) this.#world.broken("G6", "a full socket was sent to");
    if (this.#clientDone && !this.#vanished) return 0;
    this.#down.push(text);
    this.#buffered += text.length;
    this.#read();
    if (this.#buffered <= this.#capacity) return text.length;
    this.#clogged = true;
    count("socket full");
    return -1;
  }

  close(code: number, reason: string): void {
    if (this.#gatewayDone) return;
    this.#gatewayDone = true;
    count(`close: ${reason}`);
    this.#down.push("");
    this.#closeCode = code;
    this.#closeReason = reason;
    this.#read();
    this.#tellGateway();
  }

  pause(): void {
    count("socket not read for want of credit");
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#carry();
  }

  // The client's end.

  put(text: string): void {
    if (this.#clientDone) return;
    this.#up.push(text);
    this.#carry();
  }

  /** The client goes; `silent`: without the gateway being told before it asks. */
  leave(silent: boolean): void {
    if (this.#clientDone) return;
    this.#clientDone = true;
    this.#vanished = silent;
    this.#up = [];
    if (!silent) this.#world.scheduler.after(this.#delay(), () => this.#tellGateway());
  }

  /** Reads nothing until {@link wake}. */
  stall(): void {
    this.#stalled = true;
  }

  wake(): void {
    this.#stalled = false;
    this.#read();
  }

  /** The gateway's process is gone. */
  cut(): void {
    this.#gatewayDone = true;
    this.#told = true;
    this.#up = [];
    this.#down.push("");
    this.#read();
  }

  #tellGateway(): void {
    if (this.#told) return;
    this.#told = true;
    this.host.links.delete(this);
    this.#world.scheduler.after(0, () =>
      this.host.process.run(() => {
        this.#gatewayDone = true;
        if (this.#gateway === this.host.gateway) this.#gateway.closed(this.#connection);
      }),
    );
  }

  #read(): void {
    if (this.#reading || this.#stalled || this.#vanished || this.#down.length === 0) return;
    this.#reading = true;
    this.#world.scheduler.after(this.#delay() + this.#owner.readDelayMs, () => {
      this.#reading = false;
      if (this.#stalled || this.#vanished) return;
      const text = this.#down.shift() as string;
      this.#buffered -= text.length;
      if (this.#down.length === 0 && this.#clogged) this.#drain();
      if (!this.#clientDone) {
        if (text === "") {
          this.#clientDone = true;
          this.#owner.ended(this.#closeCode, this.#closeReason);
        } else this.#owner.received(text);
      }
      this.#read();
    });
  }

  #drain(): void {
    this.#clogged = false;
    this.#world.scheduler.after(0, () =>
      this.host.process.run(() => {
        if (!this.#told) this.#connection.drained();
      }),
    );
  }

  #carry(): void {
    if (this.#carrying || this.#paused || this.#up.length === 0) return;
    this.#carrying = true;
    this.#world.scheduler.after(this.#delay(), () => {
      this.#carrying = false;
      if (this.#paused) return;
      const text = this.#up.shift();
      if (text !== undefined && !this.#told)
        this.host.process.run(() => {
          if (!this.#told) this.#receive(this.#connection, text);
        });
      this.#carry();
    });
  }

  #delay(): number {
    return this.#world.random.next() * this.#world.profile.latencyMs;
  }
}
