import { readFileSync } from "node:fs";

/** Values given as `--name=value`, flags given as `--name`, and the names without dashes. */
export class Arguments {
  readonly #values = new Map<string, string>();
  readonly names: readonly string[];

  constructor(args: readonly string[] = process.argv.slice(2)) {
    const names: string[] = [];
    for (const arg of args) {
      const match = /^--([a-z-]+)(?:=(.*))?$/.exec(arg);
      if (match?.[1] === undefined) names.push(arg);
      else this.#values.set(match[1], match[2] ?? "true");
    }
    this.names = names;
  }

  /**
   * Those of a program whose first comment says how it is called, which is what `--help` prints.
   * @param known its options: any other one ends it, since it would be left out in silence
   */
  static ofProgram(known: readonly string[]): Arguments {
    const args = new Arguments();
    const help = headerOf(readFileSync(Bun.main, "utf8"));
    if (args.has("help")) {
      process.stdout.write(`${help}\n`);
      process.exit(0);
    }
    const [wrong] = args.others(known);
    if (wrong === undefined) return args;
    process.stderr.write(`--${wrong} is not understood\n\n${help}\n`);
    process.exit(2);
  }

  /** Options that are not among these: what is mistyped would be left out in silence. */
  others(known: readonly string[]): string[] {
    return [...this.#values.keys()].filter((name) => !known.includes(name));
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** @throws when it is given and no number */
  number(name: string, fallback: number): number {
    const text = this.#values.get(name);
    if (text === undefined) return fallback;
    const value = Number(text);
    if (!Number.isFinite(value)) throw new Error(`--${name} takes a number, not ${text}`);
    return value;
  }

  text(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** `A=1,B=2` as a table; empty when it is not given. @throws when one has no value */
  pairs(name: string): Record<string, string> {
    const entries = (this.#values.get(name)?.split(",") ?? []).map((pair) => {
      const at = pair.indexOf("=");
      if (at <= 0) throw new Error(`--${name} takes NAME=value, not ${pair}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    });
    return Object.fromEntries(entries) as Record<string, string>;
  }
}

/** The text of a file's first comment. */
export function headerOf(source: string): string {
  const comment = /^\/\*\*\n(?<text>[\s\S]*?)\n \*\//.exec(source)?.groups?.["text"] ?? "";
  return comment.replaceAll(/^ \* ?/gm, "");
}
