import { AppError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { DeadLetterQuery } from "../ports/dead-letters.ts";
import { messageOf } from "./message.ts";
import type { FoundLetter, LetterSource } from "./source.ts";

/** Where a page ends in each source: a place, or that there is nothing more. */
type Places = Readonly<Record<string, number | undefined>>;

const PLACE = /^([a-z-]+)=(0|[1-9][0-9]{0,14})$/;

/**
 * A page of letters out of several sources, newest first by the time at which they were kept.
 * @throws invalid_cursor
 */
export async function listLetters(
  sources: readonly LetterSource[],
  query: DeadLetterQuery,
  limits: Pick<Limits, "deadLetterListMax" | "deadLetterScanMax">,
): Promise<{ readonly found: readonly FoundLetter[]; readonly next: string | undefined }> {
  const max = Math.min(query.lettersMax ?? limits.deadLetterListMax, limits.deadLetterListMax);
  const from = readCursor(query.after);
  const parts = await Promise.all(
    sources
      .filter(({ pool }) => from === undefined || pool in from)
      .map(async (source) => ({
        pool: source.pool,
        ...(await gather(source, from?.[source.pool], max, query.tenant, limits.deadLetterScanMax)),
      })),
  );
  const found = parts
    .flatMap((part) => part.found.map((one) => ({ ...one, part })))
    // A sort is stable, so letters of one source keep their order when their times are unknown.
    .sort((a, b) => (b.letter.keptAt ?? 0) - (a.letter.keptAt ?? 0))
    .slice(0, max);
  const places: string[] = [];
  for (const part of parts) {
    const taken = found.filter((one) => one.part === part);
    const isWhole = taken.length === part.found.length;
    const next = isWhole ? part.next : (taken.at(-1)?.after ?? from?.[part.pool] ?? part.begin);
    if (next !== undefined) places.push(`${part.pool}=${next}`);
  }
  return {
    found: found.map(({ id, mark, letter, after }) => ({ id, mark, letter, after })),
    next: places.length > 0 ? places.join(",") : undefined,
  };
}

interface Gathered {
  readonly found: readonly FoundLetter[];
  readonly next: number | undefined;
  /** The place before the first one found. */
  readonly begin: number | undefined;
}

/** Up to `max` letters of one source that are of the tenant, if one is asked for. */
async function gather(
  source: LetterSource,
  from: number | undefined,
  max: number,
  tenant: string | undefined,
  scanMax: number,
): Promise<Gathered> {
  const found: FoundLetter[] = [];
  let place = from;
  let scanned = 0;
  let begin: number | undefined;
  do {
    const page = await source.page(place, max);
    scanned += Math.max(1, page.found.length);
    const first = page.found[0];
    if (first !== undefined) begin ??= source.before(first);
    for (const [i, one] of page.found.entries()) {
      if (tenant !== undefined && tenantOf(one) !== tenant) continue;
      found.push(one);
      if (found.length < max) continue;
      const isLast = i === page.found.length - 1;
      return { found, next: isLast ? page.next : one.after, begin };
    }
    place = page.next;
  } while (place !== undefined && scanned < scanMax);
  return { found, next: place, begin };
}

function tenantOf({ letter }: FoundLetter): string {
  if (letter.tenant !== "") return letter.tenant;
  const said = messageOf(letter);
  return "message" in said ? said.message.tenant : "";
}

/** Undefined: from the newest of every source. */
function readCursor(text: string | undefined): Places | undefined {
  if (text === undefined) return undefined;
  const places: Record<string, number> = {};
  for (const part of text.split(",")) {
    const match = PLACE.exec(part);
    if (match === null) throw new AppError("invalid_cursor", "after is not that of a page");
    places[match[1] as string] = Number(match[2]);
  }
  return places;
}
