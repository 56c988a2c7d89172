import { expect, test } from "bun:test";
import { Arguments } from "../../../../load/arguments.ts";
import { commandFault } from "../../../../load/k6/runner/command.ts";

const faultOf = (...args: readonly string[]) => commandFault(new Arguments(["peak", ...args]));

test("options that are understood are no fault", () => {
  expect(faultOf()).toBeUndefined();
  expect(
    faultOf("--short", "--cluster", "--rate=50", "--warm-up=0", "--out=/tmp/x"),
  ).toBeUndefined();
  expect(
    faultOf("--url=https://a.example:8443/", "--token-secret=c2Vj", "--tenant=t"),
  ).toBeUndefined();
});

test("what would be left out in silence, or taken for something else, is refused", () => {
  for (const [args, text] of [
    [["--cluter"], "--cluter is not understood"],
    [["--rate", "50"], "50 is not understood: a value goes behind ="],
    [["--short=no"], "--short takes no value"],
    [["--url"], "--url takes a value"],
    [["--out="], "--out takes a value"],
    [["--rate=fast"], "--rate takes a number above 0, not fast"],
    [["--seconds=0"], "--seconds takes a number above 0, not 0"],
    [["--vus"], "--vus takes a number above 0"],
    [["--vus=1.5"], "--vus takes a whole number, not 1.5"],
    [["--seconds=Infinity"], "--seconds takes a number above 0, not Infinity"],
    [["--url=chat.example.com", "--token-secret=c2Vj"], "--url is the address of a gateway"],
    [["--url=http://a", "--cluster"], "do not go together"],
    [["--tenant=acme"], "--tenant goes with --url"],
  ] as const)
    expect(faultOf(...args)).toContain(text);
});
