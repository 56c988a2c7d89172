import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const ROOT = dirname(dirname(dirname(import.meta.dir)));
const FILES = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...new Bun.Glob("docs/**/*.md").scanSync({ cwd: ROOT }),
];
const TEXTS = new Map(FILES.map((file) => [file, readFileSync(join(ROOT, file), "utf8")]));
/** What runs make, which is not in a fresh clone. */
const MADE = new Set(["load/k6/results"]);
const textOf = (file: string): string => TEXTS.get(file) ?? "";

/** Every find of a pattern's first group that is not right, with its file. */
function wrong(pattern: RegExp, isRight: (found: string, file: string) => boolean): string[] {
  return [...TEXTS].flatMap(([file, text]) =>
    [...text.matchAll(pattern)]
      .map(([, found = ""]) => found)
      .filter((found) => !isRight(found, file))
      .map((found) => `${file}: ${found}`),
  );
}

/** How GitHub names a heading in addresses. */
function anchorOf(heading: string): string {
  const words = heading.toLowerCase().replaceAll(/[^\p{L}\p{N}_ -]/gu, "");
  return words.trim().replaceAll(" ", "-");
}

test("links between documents lead to a file, and to a heading of it", () => {
  const faults = wrong(/\]\(([^)\s]+)\)/g, (address, file) => {
    if (/^https?:/.test(address)) return true;
    const [path = "", anchor] = address.split("#");
    const target = path === "" ? file : normalize(join(dirname(file), path));
    if (!existsSync(join(ROOT, target))) return false;
    if (anchor === undefined) return true;
    const headings = [...textOf(target).matchAll(/^#+ (.+)$/gm)];
    return headings.some(([, heading = ""]) => anchorOf(heading) === anchor);
  });
  expect(faults).toEqual([]);
});

test("files and folders that documents name are there", () => {
  const folders = "src|gateway|consumers|cli|load|test|deploy|docs|scripts";
  const faults = wrong(
    new RegExp(`\`((?:${folders})/[\\w./-]+)\``, "g"),
    (path) => MADE.has(path) || existsSync(join(ROOT, path)),
  );
  expect(faults).toEqual([]);
});

test("commands that documents show are those of package.json and of the command line", async () => {
  const { scripts } = (await Bun.file(join(ROOT, "package.json")).json()) as {
    scripts: Readonly<Record<string, string>>;
  };
  const known = (name: string): boolean => {
    // `load:` alone stands for all of its kind; a colon may also be the sentence's.
    const isOpen = name.endsWith(":") && Object.keys(scripts).some((one) => one.startsWith(name));
    return isOpen || Object.hasOwn(scripts, name.replace(/:$/, ""));
  };
  expect(wrong(/\bbun run (?:--silent )?([\w:-]+)/g, known)).toEqual([]);
  const program = await Bun.file(join(ROOT, "cli/tidegate.ts")).text();
  const commands = [...program.matchAll(/^ {2}"?([\w:-]+)"?: \{/gm)].map(([, name]) => name);
  expect(commands).toContain("dead-letters");
  const faults = wrong(/\bbun run tidegate ([\w-]+(?::\w+)?)/g, (name) => commands.includes(name));
  expect(faults).toEqual([]);
});

test("metrics and settings that documents name are those of the reference", () => {
  const metrics = textOf("docs/reference/metrics.md");
  const isMetric = (name: string): boolean => metrics.includes(`\`${name}\``);
  expect(wrong(/`(tidegate_\w+)`/g, isMetric)).toEqual([]);
  const settings = textOf("docs/reference/config.md");
  // Groups of settings are named by how they begin.
  const isSetting = (name: string): boolean =>
    name.startsWith("TIDEGATE_TEST_") ||
    settings.includes(name.endsWith("_") ? `| \`${name}` : `| \`${name}\``);
  const names = /\b((?:TIDEGATE|KAFKA|REDIS|DATABASE|OTEL|OUTBOX|EVENT|HEALTH)_[A-Z_]+)/g;
  expect(wrong(names, isSetting)).toEqual([]);
});
