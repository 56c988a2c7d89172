// Parts of JSON texts as clients of all kinds write them. Each must come back to the byte, although
// parsing and writing it again would change most of them.
// cspell:disable
const PARTS = [
  '"text":"plain words"',
  '"text":"Grüße aus Zürich, 東京, Привет, שלום, नमस्ते"',
  '"text":"quoted \\"so\\", back\\\\slash, sl\\/ash, \\b\\f\\n\\r\\t"',
  '"text":"escaped \\u00e9 \\u00E9 \\u2028 \\u0000 \\u001f"',
  '"text":"raw \u2028 and \u2029 separators, \u00a0 and \ufeff"',
  '"text":"emoji 🌊👩‍👩‍👧‍👦🏴‍☠️ and escaped \\ud83c\\udf0a"',
  '"text":"lone \\ud800 and \\udfff and swapped \\udf0a\\ud83c"',
  '"number":[1.0,1e2,-0,0.1e-7,12345678901234567890,1E+400]',
  '"__proto__":{"polluted":true},"constructor":null',
  '"same":1,"same":2,"":"empty name"',
  '"spaced" : [ 1 , { "a" : null } ]',
  '"text":"}}}","event":{"id":"not.this","content":{}}',
] as const;
// cspell:enable

/** The content's JSON text of message `number`. */
export function contentText(number: number): string {
  return `{"n":${number},${PARTS[number % PARTS.length] as string}}`;
}

/** Another content than that message has. */
export function otherContentText(number: number): string {
  return `{"n":${number},"text":"another content under the same key"}`;
}
