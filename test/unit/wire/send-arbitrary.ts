import fc from "fast-check";

/**
 * Makes lines that are a `send`, or nearly: any order, white space, escapes, repeated names, all
 * forms of numbers, and then perhaps a character less, more or other.
 */

const BLANKS = ["", "", "", "", " ", " ", "  ", "\t", " \t "];
const NUMBERS = [
  "0",
  "-0",
  "1",
  "-1",
  "10",
  "1.0",
  "1e0",
  "1E+2",
  "1.5e-3",
  "12345678901234567890",
];
const BAD_NUMBERS = ["01", "1.", ".5", "+1", "1e", "1e+", "-", "0x1", "NaN", "--1", "1.e2", "00"];
const BAD_LITERALS = ["tru", "True", "nul", "undefined", "falsee", "", "'a'", "nulll"];
const BAD_BRACKETS = ["[1,]", "{,}", "[1}", '{"a":1]', "[[1]", '{"a"}', '{"a":}', "{1:2}", "[,1]"];
const BAD_STRINGS = ['"\\x"', '"\\u12"', '"\u0001"', '"\t"', '"\\"', '"a', '"\u001f"'].concat(
  // The neighbours of the hexadecimal digits.
  ["/", ":", "@", "G", "`", "g"].map((character) => `"\\u00${character}0"`),
);
const PIECES = [
  "a",
  "B",
  "7",
  " ",
  "/",
  "é",
  "ß",
  "東",
  "😀",
  "\u2028",
  "\u007f",
  "}",
  "]",
  "{",
  ":",
  ",",
];
const ESCAPES = [
  '\\"',
  "\\\\",
  "\\/",
  "\\b",
  "\\f",
  "\\n",
  "\\r",
  "\\t",
  "\\u00e9",
  "\\uD83D",
  "\\ude00",
];

const rarely = <T>(common: fc.Arbitrary<T>, odd: fc.Arbitrary<T>, weight = 20) =>
  fc.oneof({ weight, arbitrary: common }, { weight: 1, arbitrary: odd });

const blank = rarely(fc.constantFrom(...BLANKS), fc.constantFrom("\r", "\u00a0", "\f"), 200);

/** JSON text of a string, with some of its characters written as escapes. */
const stringText = fc
  .array(rarely(fc.constantFrom(...PIECES), fc.constantFrom(...ESCAPES), 3), { maxLength: 24 })
  .map((pieces) => `"${pieces.join("")}"`);

/** The same text with one character written as \u escape. */
const escapedOnce = (text: string) =>
  fc.nat({ max: Math.max(0, text.length - 1) }).map((i) => {
    const code = (text.codePointAt(i) ?? 97).toString(16).padStart(4, "0");
    return text.length === 0 || code.length > 4
      ? text
      : `${text.slice(0, i)}\\u${code}${text.slice(i + 1)}`;
  });

const scalarText = fc.oneof(
  { weight: 6, arbitrary: stringText },
  { weight: 3, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 2, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map(String) },
  { weight: 2, arbitrary: fc.constantFrom("true", "false", "null", "{}", "[]", "{ }", "[ \t]") },
);
const brokenText = fc.constantFrom(
  ...BAD_NUMBERS,
  ...BAD_LITERALS,
  ...BAD_BRACKETS,
  ...BAD_STRINGS,
);

const { value: valueText } = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    { weight: 90, arbitrary: scalarText },
    { weight: 1, arbitrary: brokenText },
    {
      weight: 12,
      arbitrary: fc
        .array(fc.tuple(blank, tie("value"), blank), { maxLength: 3 })
        .map((items) => `[${items.map((item) => item.join("")).join(",")}]`),
    },
    { weight: 12, arbitrary: tie("object") },
  ),
  object: membersText(tie("value")),
}));

function membersText(value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const name = fc.oneof(
    { weight: 5, arbitrary: stringText },
    {
      weight: 2,
      arbitrary: fc.constantFrom('"text"', '"__proto__"', '"constructor"', '"content"'),
    },
  );
  return fc
    .array(fc.tuple(blank, name, blank, blank, value, blank), { maxLength: 4 })
    .map((members) => {
      const texts = members.map(([a, n, b, c, v, d]) => `${a}${n}${b}:${c}${v}${d}`);
      return `{${texts.join(",")}}`;
    });
}

const objectText = membersText(valueText);

/** Objects and arrays in each other, up to beyond what a frame may nest. */
const deepText = fc.tuple(fc.nat({ max: 34 }), fc.nat()).map(([depth, seed]) => {
  let text = "1";
  for (let i = 0; i < depth; i++) text = (seed >> (i % 20)) & 1 ? `[${text}]` : `{"a":${text}}`;
  return `{"d":${text}}`;
});

const quoted = (text: string) => JSON.stringify(text);
const CONVERSATIONS = ["general", "room-7", "Ääkköset 東京", "😀", "a/b:c", "x".repeat(200)];
const BAD_CONVERSATIONS = [
  "",
  "x".repeat(201),
  "é".repeat(101),
  "a\u0001",
  "\u2028",
  "a\u0085",
  "\u007f",
];
const nameText = rarely(
  fc.constantFrom(...CONVERSATIONS),
  fc.oneof(fc.constantFrom(...BAD_CONVERSATIONS), fc.string({ unit: "binary", maxLength: 8 })),
  12,
).map(quoted);

const BASE64 = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
const keyOf = (units: string, minLength: number, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...units.split("")), minLength, maxLength });
const keyText = fc
  .oneof(
    { weight: 16, arbitrary: fc.uuid({ version: 7 }) },
    { weight: 4, arbitrary: keyOf(BASE64, 14, 66) },
    { weight: 2, arbitrary: keyOf("0123456789-aP", 14, 40) },
    {
      weight: 1,
      arbitrary: fc.constantFrom("", "0".repeat(40), "é".repeat(20), `${"ab12CD".repeat(4)}.`),
    },
  )
  .map(quoted);

const ODD_ATTEMPTS = ["1000001", "0", "-1", "01", "1.0", "1e3", "1.5", "null", "12345678"];
const attemptText = rarely(
  fc.integer({ min: 1, max: 1_000_000 }).map(String),
  fc.constantFrom(...ODD_ATTEMPTS),
  12,
);
const kindText = rarely(
  fc.constantFrom('"text"', '"file"', '"image"', '"video"'),
  fc.constantFrom('"Text"', '"audio"', '"te\\u0078t"', "null"),
  16,
);

const traceText = rarely(
  fc.constantFrom(`"00-${"a".repeat(32)}-${"b".repeat(16)}-01"`, '""', '"not one"'),
  fc.oneof(stringText, valueText),
  4,
);

const field = (name: string, text: fc.Arbitrary<string>) =>
  fc.tuple(rarely(fc.constant(name), escapedOnce(name), 40), rarely(text, valueText, 80));

const FIELDS = {
  conversation: field("conversation", nameText),
  key: field("key", keyText),
  attempt: field("attempt", attemptText),
  type: field("type", kindText),
  content: field("content", rarely(objectText, deepText, 16)),
};
const odd = fc.oneof(field("odd", valueText), field("traceparent", traceText));

const ALL = [0, 1, 2, 3, 4, 5];
const orders = fc.oneof(
  { weight: 4, arbitrary: fc.constant(ALL) },
  { weight: 3, arbitrary: fc.shuffledSubarray(ALL, { minLength: 6 }) },
  { weight: 1, arbitrary: fc.shuffledSubarray(ALL, { minLength: 4 }) },
);
const blanks = rarely(
  fc.constantFrom<[string, string, string][]>(["", "", ""], ["", "", " "], [" ", "", " "]),
  fc.tuple(blank, blank, blank),
  2,
);

const bodyText = fc
  .tuple(
    FIELDS.conversation,
    FIELDS.key,
    rarely(FIELDS.attempt, odd),
    rarely(FIELDS.type, odd),
    FIELDS.content,
    rarely(fc.constant(undefined), fc.oneof(...Object.values(FIELDS), odd), 6),
    orders,
    blanks,
  )
  .map(([conversation, key, attempt, type, content, extra, order, [a, b, c]]) => {
    const fields = [conversation, key, attempt, type, content, extra];
    const members = order.flatMap((i) => {
      const member = fields[i];
      return member ? [`${a}"${member[0]}"${b}:${c}${member[1]}${a}`] : [];
    });
    return `{${members.join(",")}}`;
  });

const ODD_IDS = [
  "0",
  "-1",
  "1.0",
  "1e2",
  "1.5",
  "01",
  '"1"',
  "null",
  "9007199254740991",
  "9007199254740992",
  "999999999999999",
  "1000000000000000",
];
const idText = rarely(
  fc.integer({ min: 1, max: 1_000_000_000 }).map(String),
  fc.constantFrom(...ODD_IDS),
  12,
);

const ODD_FORMS = [
  (id: string, body: string) => `{"send":${body},"id":${id}}`,
  (id: string, body: string) => `{"id":${id},"send":{},"send":${body}}`,
  (id: string, body: string) => `{"id":${id},"send":${body},"send":{}}`,
  (id: string, body: string) => `{"id":${id},"se\\u006ed":${body}}`,
  (id: string, body: string) => `{"id":${id},"trace":[{"id":7}],"send":${body}}`,
  (id: string, body: string) => `{"id":${id},"send":${body},"toString":1}`,
  (id: string, body: string) => `{"id":${id},"send":${body},"history":{}}`,
  (id: string, body: string) => `{"id":${id},"send":[${body}]}`,
  (id: string, body: string) => `{"id":7,"send":${body},"id":${id}}`,
  (id: string, body: string) => `[{"id":${id},"send":${body}}]`,
];
const lineText = rarely(
  fc
    .tuple(idText, bodyText, blanks)
    .map(([id, body, [a, b, c]]) => `{${a}"id":${c}${id},${c}"send"${b}:${c}${body}${a}}${a}`),
  fc
    .tuple(idText, bodyText, fc.constantFrom(...ODD_FORMS))
    .map(([id, body, form]) => form(id, body)),
  6,
);

const CHANGES = [...'{}[]":,\\ 0a-'.split(""), "\u0000", "\u001f", "é", "\ud800", "\t"];

/** A line with a character taken away, put in or exchanged, or cut off. */
const damagedLine = fc
  .tuple(
    lineText,
    fc.nat(),
    fc.constantFrom("drop", "insert", "replace", "cut", "swap"),
    fc.constantFrom(...CHANGES),
  )
  .map(([line, where, change, character]) => {
    const i = where % (line.length + 1);
    if (change === "drop") return line.slice(0, i) + line.slice(i + 1);
    if (change === "insert") return line.slice(0, i) + character + line.slice(i);
    if (change === "replace") return line.slice(0, i) + character + line.slice(i + 1);
    if (change === "cut") return line.slice(0, i);
    return line.slice(0, i) + line.slice(i + 1, i + 2) + line.slice(i, i + 1) + line.slice(i + 2);
  });

export const sendLine = fc.oneof(
  { weight: 3, arbitrary: lineText },
  { weight: 1, arbitrary: damagedLine },
);

/** JSON text of any value, now and then of none. */
export const anyJsonText = valueText;
