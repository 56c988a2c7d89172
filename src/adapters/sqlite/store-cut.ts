/** What a page wants of a run, and has room for. */
export interface Cut {
  /** Events not wanted at the start and the end of the run. */
  readonly skip: number;
  readonly skipEnd: number;
  readonly count: number;
  readonly eventsMax: number;
  readonly charsMax: number;
  readonly atLeastOne: boolean;
  readonly up: boolean;
}

/** The part of a run that a page takes. `isLast`: the page is full. */
export interface CutRun {
  readonly text: string;
  readonly count: number;
  readonly chars: number;
  readonly isLast: boolean;
}

/** Takes from a run, given as lines, what a page has room for: from its start, or from its end. */
export function cutRun(text: string, cut: Cut): CutRun {
  const { skip, skipEnd, count, eventsMax, charsMax, atLeastOne, up } = cut;
  const chars = text.length - (count - 1);
  if (skip === 0 && skipEnd === 0 && count <= eventsMax && chars <= charsMax)
    return { text, count, chars, isLast: false };
  const wanted = text.split("\n").slice(skip, count - skipEnd);
  if (!up) wanted.reverse();
  const taken: string[] = [];
  let sum = 0;
  for (const event of wanted.slice(0, eventsMax)) {
    const isFirst = atLeastOne && taken.length === 0;
    if (!isFirst && sum + event.length > charsMax) break;
    sum += event.length;
    taken.push(event);
  }
  const isLast = taken.length < wanted.length;
  if (!up) taken.reverse();
  return { text: taken.join("\n"), count: taken.length, chars: sum, isLast };
}
