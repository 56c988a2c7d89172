import type {
  DeadLetterDetail,
  DeadLetterPage,
  DeadLetterSummary,
  Redriven,
} from "../../src/ports/dead-letters.ts";
import { textTable } from "../text-table.ts";

const SHORT_REASON_CHARS = 40;

export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export function listText({ letters, next }: DeadLetterPage): string {
  const more = next === undefined ? "" : `There are older ones: --after ${next}\n`;
  if (letters.length === 0) return more === "" ? "There are no dead letters.\n" : more;
  const rows = letters.map((letter) => [
    letter.id,
    timeText(letter.keptAt),
    letter.reason.slice(0, SHORT_REASON_CHARS),
    letter.tenant === "" ? "-" : letter.tenant,
    letter.origin,
    stateText(letter),
  ]);
  return textTable(["letter", "kept", "reason", "tenant", "origin", "state"], rows) + more;
}

export function detailText(letter: DeadLetterDetail): string {
  const cut = letter.valueChars > letter.value.length ? `, cut from ${letter.valueChars}` : "";
  const rows: readonly (readonly [string, string])[] = [
    ["letter", letter.id],
    ["reason", letter.reason],
    ["origin", letter.origin],
    ["pool", letter.pool],
    ["attempts", String(letter.attempts)],
    ["tenant", letter.tenant === "" ? "-" : letter.tenant],
    ["kept", timeText(letter.keptAt)],
    ["trace", letter.trace ?? "-"],
    ["redriven", timeText(letter.redrivenAt)],
    ["state", letter.obstacle ?? stateText(letter)],
    ["key", letter.key],
    ...Object.entries(letter.headers).map(([name, value]) => [`header ${name}`, value] as const),
    ["value", `${letter.value.length} characters${cut}`],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(18)}${value}\n`);
  return `${lines.join("")}${letter.value}\n`;
}

export function redrivenText({ id, message, topic, partition, offset, marked }: Redriven): string {
  const note = marked ? "" : " (it could not be marked: a second redrive will not be told)";
  return `${id}: ${message} is at ${topic}/${partition}/${offset}${note}\n`;
}

function stateText({ redrivenAt, obstacle }: DeadLetterSummary): string {
  if (redrivenAt !== undefined) return `redriven ${timeText(redrivenAt)}`;
  return obstacle === undefined ? "waits" : "cannot be redriven";
}

const timeText = (at: number | undefined): string =>
  at === undefined ? "-" : new Date(at).toISOString();
