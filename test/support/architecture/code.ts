const REGEX_BEFORE =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|throw|await|yield|delete|new))\s*$/;

/**
 * The source with comments and the insides of strings, templates and regular expressions replaced
 * by spaces. Length and line breaks stay, so that an index into the result is one into the source.
 * What is in `${…}` is code and stays. It reads formatted code; it is no parser.
 */
export function codeOf(source: string): string {
  const out = source.split("");
  /** Depth of braces at which each open template's `${` was met. */
  const templates: number[] = [];
  let depth = 0;
  let i = 0;

  const blank = (from: number, to: number): void => {
    for (let k = from; k < to; k++) if (out[k] !== "\n") out[k] = " ";
  };
  /** Blanks from `from` up to the closing mark, and returns the index after it. */
  const quoted = (from: number, mark: string): number => {
    let k = from;
    while (k < source.length && source[k] !== mark && source[k] !== "\n") {
      k += source[k] === "\\" ? 2 : 1;
    }
    blank(from, Math.min(k, source.length));
    return k + 1;
  };
  const template = (from: number): number => {
    let k = from;
    while (k < source.length && source[k] !== "`") {
      if (source.startsWith("${", k)) {
        blank(from, k);
        templates.push(depth);
        depth++;
        return k + 2;
      }
      k += source[k] === "\\" ? 2 : 1;
    }
    blank(from, Math.min(k, source.length));
    return k + 1;
  };
  const regex = (from: number): number => {
    let k = from;
    let inClass = false;
    while (k < source.length && source[k] !== "\n" && (inClass || source[k] !== "/")) {
      if (source[k] === "[") inClass = true;
      else if (source[k] === "]") inClass = false;
      k += source[k] === "\\" ? 2 : 1;
    }
    blank(from, Math.min(k, source.length));
    return k + 1;
  };

  while (i < source.length) {
    const c = source[i];
    if (source.startsWith("//", i)) {
      const end = source.indexOf("\n", i);
      const to = end === -1 ? source.length : end;
      blank(i, to);
      i = to;
    } else if (source.startsWith("/*", i)) {
      const end = source.indexOf("*/", i + 2);
      const to = end === -1 ? source.length : end + 2;
      blank(i, to);
      i = to;
    } else if (c === '"' || c === "'") i = quoted(i + 1, c);
    else if (c === "`") i = template(i + 1);
    else if (c === "/" && REGEX_BEFORE.test(out.slice(Math.max(0, i - 200), i).join(""))) {
      i = regex(i + 1);
    } else {
      if (c === "{") depth++;
      if (c === "}") {
        depth--;
        if (templates.at(-1) === depth) {
          templates.pop();
          i = template(i + 1);
          continue;
        }
      }
      i++;
    }
  }
  return out.join("");
}
