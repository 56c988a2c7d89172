import type { ResultRow } from "../result.ts";

/** Rows of the README, by mode and name, in words for whoever has ten seconds. All others are on the page. */
const HEADLINES: readonly (readonly [mode: ResultRow["mode"], name: string, text: string])[] = [
  ["cluster", "cluster-batched-plain", "Cluster, frames of 40"],
  ["cluster", "cluster-batched-60", "Cluster, frames of 40, less under way"],
  ["cluster", "cluster-closed", "Cluster, one message a frame"],
  ["cluster", "cluster-open-50k-plain", "Cluster at 50,000/s, frames of 10"],
  ["cluster", "cluster-open-10k", "Cluster at 10,000/s"],
  ["cluster", "cluster-fan-out", "Cluster, one room of 1,000"],
  ["cluster", "ingest-events-500", "Cluster, events over HTTP"],
  ["standalone", "standalone-batched-plain", "Standalone, frames of 40"],
  ["standalone", "standalone-closed", "Standalone, one message a frame"],
  ["standalone", "standalone-open-10k", "Standalone at 10,000/s"],
  ["standalone", "ingest-events-500", "Standalone, events over HTTP"],
  ["peer", "socketio-engine", "Socket.IO + Redis on Bun, one message a frame"],
  ["peer", "socketio-node", "Socket.IO + Redis on Node, one message a frame"],
];

/** The rows that the README shows, under the names that it gives them. */
export function headlines(rows: readonly ResultRow[]): readonly ResultRow[] {
  return HEADLINES.flatMap(([mode, name, title]) =>
    rows.filter((row) => row.mode === mode && row.name === name).map((row) => ({ ...row, title })),
  );
}
