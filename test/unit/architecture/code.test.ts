import { expect, test } from "bun:test";
import { codeOf } from "../../support/architecture/code.ts";

test.each([
  ["a line comment", "a(); // Date.now()", "a();              "],
  ["a block comment", "a(/* Bun.x */ b)", "a(            b)"],
  ["a string", 'f("Bun.file")', 'f("        ")'],
  ["an escaped quote", "f('a\\'Bun.x')", "f('        ')"],
  ["a template", "f(`Bun.x`)", "f(`     `)"],
  ["a template around code", "f(`a${b}c`)", "f(` ${b} `)"],
  ["a template in a template", "f(`a${g(`b${c}d`)}e`)", "f(` ${g(` ${c} `)} `)"],
  ["an object in a template", "f(`${{ a: 1 }.a}x`)", "f(`${{ a: 1 }.a} `)"],
  ["a regular expression with a quote", 'x = /"/.test(y); z()', "x = / /.test(y); z()"],
  ["a regular expression with a slash in a class", 'r(/[/]"/, Bun.x)', "r(/    /, Bun.x)"],
  ["a division", "a / b / Bun.x", "a / b / Bun.x"],
])("%s hides what is in it", (_, source, expected) => {
  expect(codeOf(source)).toBe(expected);
});

test("length and line breaks stay", () => {
  const source = "/* a\nb */ `x\n${y}\n` // z\n'unclosed\nnext";
  const code = codeOf(source);
  expect(code.length).toBe(source.length);
  expect(code.split("\n").length).toBe(source.split("\n").length);
  expect(code).toEndWith("\nnext");
});
