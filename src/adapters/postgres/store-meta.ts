import type { PackedRecord } from "../../wire/packed-record.ts";
import type { EventBytes } from "./event-bytes.ts";

const ID_START = '{"id":"';
const QUOTE = 34;
const SPACE = 32;
const PLUS = 43;

/** One event's line of a run's meta. */
export interface EventMeta {
  readonly offset: number;
  /** Of the stored text. */
  readonly bytes: number;
  readonly id: string;
  readonly fingerprint: string;
  /** The event's text begins with the id, and what is stored leaves that out. */
  readonly idLeftOut: boolean;
}

/** What is stored of an event's text, and whether it leaves out the id that it begins with. */
export function leaveIdOut(event: string, id: string): string | undefined {
  const end = ID_START.length + id.length;
  return event.charCodeAt(end) === QUOTE &&
    event.startsWith(id, ID_START.length) &&
    event.startsWith(ID_START)
    ? event.slice(end + 1)
    : undefined;
}

/**
 * `<+ or −><back> <bytes> <fingerprint> <id>`: whether the id is left out of the text, how far before
 * the batch's end its offset is, and the length of the text.
 */
export function encodeMeta(meta: EventMeta, batchEnd: number): string {
  const { idLeftOut, offset, bytes, fingerprint, id } = meta;
  return `${idLeftOut ? "+" : "-"}${batchEnd - offset} ${bytes} ${fingerprint} ${id}`;
}

/** As {@link encodeMeta} for an event without its id; its header has the last two parts as they are. */
export function packMeta(
  target: EventBytes,
  record: PackedRecord,
  bytes: number,
  batchEnd: number,
): void {
  target.byte(PLUS);
  target.digits(batchEnd - record.offset);
  target.byte(SPACE);
  target.digits(bytes);
  target.byte(SPACE);
  target.copy(record.bytes, record.fingerprintStart, record.idEnd);
}

/** @param batchEnd next offset of the run's batch */
export function decodeMeta(meta: Buffer, batchEnd: number): EventMeta[] {
  return meta
    .toString("latin1")
    .split("\n")
    .map((line) => {
      const first = line.indexOf(" ");
      const second = line.indexOf(" ", first + 1);
      const third = line.indexOf(" ", second + 1);
      return {
        offset: batchEnd - Number(line.slice(1, first)),
        bytes: Number(line.slice(first + 1, second)),
        fingerprint: line.slice(second + 1, third),
        id: line.slice(third + 1),
        idLeftOut: line.startsWith("+"),
      };
    });
}

/** The events' texts, in the order of their lines. */
export function decodeEvents(events: Buffer, metas: readonly EventMeta[]): string[] {
  let at = 0;
  return metas.map(({ bytes, id, idLeftOut }) => {
    // Not TextDecoder, which drops a byte order mark.
    const text = events.toString("utf8", at, at + bytes);
    at += bytes;
    return idLeftOut ? `${ID_START}${id}"${text}` : text;
  });
}
