import type { Arguments } from "../../arguments.ts";

const NUMBERS = ["rate", "seconds", "vus", "warm-up"] as const;
const FLAGS = ["help", "short", "cluster"] as const;
/** What only a gateway elsewhere needs to be told. */
const OF_A_URL = [
  "token-secret",
  "token-key-id",
  "token-issuer",
  "token-audience",
  "tenant",
] as const;
const TEXTS = ["url", "out", ...OF_A_URL] as const;

/** What is wrong with a command line, before anything is started; undefined when nothing is. */
export function commandFault(args: Arguments): string | undefined {
  const [wrong] = args.others([...NUMBERS, ...FLAGS, ...TEXTS]);
  if (wrong !== undefined) return `--${wrong} is not understood`;
  const rest = args.names[1];
  if (rest !== undefined)
    return `${rest} is not understood: a value goes behind =, as in --rate=1000`;
  const flag = FLAGS.find((name) => args.has(name) && args.text(name) !== "true");
  if (flag !== undefined) return `--${flag} takes no value`;
  // An option without a value reads as "true".
  const empty = TEXTS.find((name) => args.text(name) === "true" || args.text(name) === "");
  if (empty !== undefined) return `--${empty} takes a value, as in --${empty}=<${empty}>`;
  const number = NUMBERS.find((name) => !isPositive(args, name));
  if (number !== undefined)
    return `--${number} takes a number above 0, not ${args.text(number) ?? ""}`;
  const vus = args.text("vus");
  if (vus !== undefined && !Number.isInteger(Number(vus)))
    return `--vus takes a whole number, not ${vus}`;
  const url = args.text("url");
  if (url !== undefined && !/^https?:\/\/[^/]+\/?$/.test(url))
    return `--url is the address of a gateway, as http://host:port, not ${url}`;
  if (url !== undefined && args.has("cluster")) return "--url and --cluster do not go together";
  const lone = OF_A_URL.find((name) => url === undefined && args.has(name));
  return lone === undefined ? undefined : `--${lone} goes with --url`;
}

function isPositive(args: Arguments, name: (typeof NUMBERS)[number]): boolean {
  const text = args.text(name);
  // No warm-up is a choice.
  if (text === undefined) return true;
  const value = Number(text);
  return Number.isFinite(value) && (value > 0 || (name === "warm-up" && text === "0"));
}
