/** Hexadecimal digits that are counted up in each key. */
const COUNT_DIGITS = 8;
const HEX = "0123456789abcdef";
const KEYS = 10_000;

/** Bodies of lines of one length, as a client would post them. */
export interface BodySource {
  /** Lines of a body. */
  readonly lines: number;
  /** The next body. Its bytes may change when the next but `ahead` is asked for. */
  next(): Uint8Array;
}

/** So many bodies may be on their way at the same time. */
const AHEAD = 64;

/** Analytics events of 10,000 keys; they have no id, so that bodies can be sent again. */
export function eventBodies(lines: number, lineBytes: number): BodySource {
  const bodies: Uint8Array[] = [];
  for (let b = 0; b < AHEAD; b++) {
    let text = "";
    for (let i = 0; i < lines; i++) {
      const key = `user-${(b * lines + i) % KEYS}`;
      const head = `{"type":"analytics.page-viewed","key":"${key}","payload":{"path":"/items/${i}","ms":${i % 997},"text":"`;
      text += `${padded(head, '"}}\n', lineBytes)}`;
    }
    bodies.push(Buffer.from(text));
  }
  let at = 0;
  return { lines, next: () => bodies[at++ % AHEAD] as Uint8Array };
}

/** Messages into `rooms` rooms, each under a key of its own. */
export function chatBodies(
  lines: number,
  lineBytes: number,
  rooms: number,
  run: string,
): BodySource {
  const bodies: Buffer[] = [];
  for (let b = 0; b < AHEAD; b++) {
    let text = "";
    for (let i = 0; i < lines; i++) {
      const head = `{"send":{"conversation":"room-${(b * lines + i) % rooms}","key":"`;
      const line = `${head}${run}-${"0".repeat(COUNT_DIGITS)}","attempt":1,"content":{"text":"`;
      text += padded(line, '"}}}\n', lineBytes);
    }
    bodies.push(Buffer.from(text));
  }
  const offsets = bodies.map((body) => countersIn(body, run));
  let at = 0;
  let count = 0;
  return {
    lines,
    next() {
      const slot = at++ % AHEAD;
      const body = bodies[slot] as Buffer;
      for (const offset of offsets[slot] as number[]) writeCount(body, offset, count++);
      return body;
    },
  };
}

function padded(head: string, tail: string, bytes: number): string {
  const room = bytes - head.length - tail.length;
  if (room < 0) throw new Error(`a line takes at least ${bytes - room} bytes`);
  return `${head}${"x".repeat(room)}${tail}`;
}

/** Where the digits behind each `<run>-` begin. */
function countersIn(body: Buffer, run: string): number[] {
  const places: number[] = [];
  for (let at = body.indexOf(`${run}-`); at >= 0; at = body.indexOf(`${run}-`, at + 1))
    places.push(at + run.length + 1);
  return places;
}

function writeCount(body: Buffer, offset: number, count: number): void {
  let left = count;
  for (let i = COUNT_DIGITS - 1; i >= 0; i--) {
    body[offset + i] = HEX.charCodeAt(left & 15);
    left >>>= 4;
  }
}
