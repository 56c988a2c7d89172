import { CommandWriter, SEND_ID_BASE } from "./command.ts";
import { readDecimal } from "./digits.ts";
import type { RunNames } from "./key.ts";
import { Member } from "./member.ts";
import type { MemberContext } from "./member.ts";
import type { Protocol } from "./protocol.ts";
import type { Address, Handshake } from "./socket.ts";

const HANDSHAKE: Handshake = { path: "/", subprotocol: undefined };
const NEWLINE = 10;
const ID_AT = 6;
const ID_DIGITS = 10;

/** A server that sends every frame back as it came: what sockets alone cost. */
export class EchoProtocol implements Protocol<EchoMember> {
  readonly places = "answers";
  readonly path = HANDSHAKE.path;
  readonly subprotocol = HANDSHAKE.subprotocol;
  readonly writer: CommandWriter;

  constructor(names: RunNames) {
    this.writer = new CommandWriter(names);
  }

  createMember(number: number, context: MemberContext): EchoMember {
    return new EchoMember(number, context);
  }
}

/** Takes the commands that come back for their receipts. */
export class EchoMember extends Member {
  readonly readings = [];

  async connect(address: Address): Promise<void> {
    await this.open(address, HANDSHAKE);
  }

  async subscribe(): Promise<void> {
    // There is nothing to read.
  }

  async head(): Promise<undefined> {
    return undefined;
  }

  protected payload(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end;) {
      const id = readDecimal(bytes, at + ID_AT, ID_DIGITS);
      this.receipt(id - SEND_ID_BASE, id >= SEND_ID_BASE);
      const next = bytes.indexOf(NEWLINE, at);
      at = next < 0 || next >= end ? end : next + 1;
    }
  }
}
