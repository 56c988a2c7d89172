import type { HostPort } from "./address.ts";
import { TAGS } from "./names.ts";

const SLOTS = 16_384;

/** CRC-16/XMODEM, which Redis Cluster hashes tags with. */
export function clusterSlot(tag: string): number {
  let crc = 0;
  for (let i = 0; i < tag.length; i++) {
    crc ^= tag.charCodeAt(i) << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return crc % SLOTS;
}

/**
 * Reads the answer of CLUSTER SLOTS.
 * @param asked the node that answered: it names itself by an empty host when it knows no better
 * @returns for each of our tags, `host:port` of the master that has it; undefined where none has
 */
export function readClusterMap(reply: unknown, asked: HostPort): (HostPort | undefined)[] {
  const ranges = (Array.isArray(reply) ? reply : []).flatMap((row: unknown) => {
    if (!Array.isArray(row) || !Array.isArray(row[2])) return [];
    const [from, to, [host, port]] = row as [unknown, unknown, [unknown, unknown]];
    const name = typeof host === "string" && host !== "" ? host : asked.host;
    return [{ from: Number(from), to: Number(to), node: { host: name, port: Number(port) } }];
  });
  return Array.from({ length: TAGS }, (_, tag) => {
    const slot = clusterSlot(String(tag));
    return ranges.find(({ from, to }) => from <= slot && slot <= to)?.node;
  });
}
