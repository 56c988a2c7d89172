/** What a {@link FrameReader} finds. The bytes are valid during the call only. */
export interface FrameSink {
  text(bytes: Buffer, start: number, end: number): void;
  ping(payload: Uint8Array): void;
  /** @param code 1005 when the frame has none (RFC 6455, 7.4.1) */
  closed(code: number, reason: string): void;
}

const FIN = 0x80;
const CONTINUATION = 0;
const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;
const MASKED = 0x80;

/** Bytes of a masked client frame's header for a payload of this length (RFC 6455, 5.2). */
export function headerBytes(payloadBytes: number): number {
  return payloadBytes < 126 ? 6 : payloadBytes < 65_536 ? 8 : 14;
}

/**
 * Writes the header of a final text frame. The masking key is zero, which is valid framing and
 * leaves the payload as it is; a real client must draw it at random.
 */
export function writeTextHeader(out: Uint8Array, at: number, payloadBytes: number): number {
  return writeHeader(out, at, TEXT, payloadBytes);
}

function writeHeader(out: Uint8Array, at: number, opcode: number, payloadBytes: number): number {
  out[at] = FIN | opcode;
  let next = at + 2;
  if (payloadBytes < 126) out[at + 1] = MASKED | payloadBytes;
  else if (payloadBytes < 65_536) {
    out[at + 1] = MASKED | 126;
    out[next++] = payloadBytes >>> 8;
    out[next++] = payloadBytes & 255;
  } else {
    out[at + 1] = MASKED | 127;
    for (let shift = 56; shift >= 0; shift -= 8)
      out[next++] = Math.floor(payloadBytes / 2 ** shift) & 255;
  }
  return out.fill(0, next, next + 4) && next + 4;
}

function clientFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headerBytes(payload.length) + payload.length);
  frame.set(payload, writeHeader(frame, 0, opcode, payload.length));
  return frame;
}

/** A whole client text frame. */
export function textFrame(text: string): Uint8Array {
  return clientFrame(TEXT, new TextEncoder().encode(text));
}

export function pongFrame(payload: Uint8Array): Uint8Array {
  return clientFrame(PONG, payload);
}

/**
 * Takes a server's byte stream apart into frames (RFC 6455, 5.2), wherever the stream is cut. A
 * frame that came whole is handed on without a copy.
 */
export class FrameReader {
  #carry: Buffer = Buffer.alloc(0);
  #carried = 0;
  #fragments: Uint8Array[] = [];

  /** @throws when the stream breaks the framing */
  push(chunk: Buffer, sink: FrameSink): void {
    if (this.#carried === 0) {
      const rest = this.#parse(chunk, chunk.length, sink);
      if (rest < chunk.length) this.#keep(chunk, rest);
      return;
    }
    this.#keep(chunk, 0);
    const rest = this.#parse(this.#carry, this.#carried, sink);
    this.#carry.copyWithin(0, rest, this.#carried);
    this.#carried -= rest;
  }

  #keep(chunk: Buffer, from: number): void {
    const needed = this.#carried + chunk.length - from;
    if (needed > this.#carry.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#carry.length * 2));
      this.#carry.copy(grown, 0, 0, this.#carried);
      this.#carry = grown;
    }
    chunk.copy(this.#carry, this.#carried, from);
    this.#carried = needed;
  }

  /** @returns where the first incomplete frame starts */
  #parse(bytes: Buffer, end: number, sink: FrameSink): number {
    let at = 0;
    while (end - at >= 2) {
      const first = bytes[at] as number;
      let length = bytes[at + 1] as number;
      let start = at + 2;
      if ((first & 0x70) !== 0 || length >= MASKED) throw new Error("not a server's frame");
      if (length === 126) {
        start += 2;
        if (start > end) break;
        length = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
      } else if (length === 127) {
        start += 8;
        if (start > end) break;
        length = bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
      }
      const next = start + length;
      if (next > end) break;
      if (first === (FIN | TEXT)) sink.text(bytes, start, next);
      else this.#unusual(first, bytes, start, next, sink);
      at = next;
    }
    return at;
  }

  #unusual(first: number, bytes: Buffer, start: number, end: number, sink: FrameSink): void {
    const opcode = first & 15;
    const payload = bytes.subarray(start, end);
    if (opcode === PING) sink.ping(Uint8Array.from(payload));
    else if (opcode === CLOSE) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      sink.closed(code, payload.subarray(2).toString());
    } else if (opcode === TEXT || opcode === CONTINUATION) {
      if ((opcode === TEXT) !== (this.#fragments.length === 0))
        throw new Error("fragments are mixed up");
      this.#fragments.push(Uint8Array.from(payload));
      if ((first & FIN) === 0) return;
      const whole = Buffer.concat(this.#fragments);
      this.#fragments = [];
      sink.text(whole, 0, whole.length);
    } else if (opcode !== PONG) throw new Error(`frame of type ${opcode}`);
  }
}
