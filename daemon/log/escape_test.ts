import assert from "node:assert/strict";
import fc from "fast-check";
import { cutText, escapeText, quoteList, quoteValue, safeJson, unescapeText } from "./escape.ts";

const rows: { name: string; value: string; want: string }[] = [
  { name: "leaves an address bare", value: "a@example.org", want: "a@example.org" },
  { name: "leaves an IPv6 address bare", value: "2001:db8::1", want: "2001:db8::1" },
  { name: "quotes the empty text", value: "", want: '""' },
  { name: "quotes a space", value: "two words", want: '"two words"' },
  { name: "quotes an equals sign", value: "status=clean", want: '"status=clean"' },
  { name: "quotes a comma", value: "a,b", want: '"a,b"' },
  { name: "leaves a percent sign", value: "100%s%n", want: "100%s%n" },
  { name: "escapes a quote", value: 'a" status="clean', want: '"a\\" status=\\"clean"' },
  { name: "escapes a backslash", value: "a\\", want: '"a\\\\"' },
  { name: "escapes CR LF", value: "a\r\nb", want: '"a\\r\\nb"' },
  { name: "escapes NUL", value: "a\0b", want: '"a\\x00b"' },
  { name: "escapes ESC", value: "\x1b[2J", want: '"\\x1b[2J"' },
  { name: "escapes DEL and C1", value: "\x7f\x85\x9b", want: '"\\x7f\\x85\\x9b"' },
  { name: "escapes Unicode line ends", value: "a\u2028b\u2029", want: '"a\\u{2028}b\\u{2029}"' },
  { name: "escapes turned text", value: "exe\u202egpj", want: '"exe\\u{202e}gpj"' },
  { name: "escapes zero width", value: "a\u200bb\ufeff", want: '"a\\u{200b}b\\u{feff}"' },
  { name: "escapes a lone surrogate", value: "\ud83d", want: '"\\u{d83d}"' },
  { name: "escapes tags beyond the BMP", value: "\u{e0041}", want: '"\\u{e0041}"' },
  { name: "escapes a no-break space", value: "a\u00a0b", want: '"a\\xa0b"' },
  { name: "leaves letters of any script", value: "Grüße 😀", want: '"Grüße 😀"' },
];
for (const { name, value, want } of rows) {
  Deno.test(`quoteValue() ${name}`, { permissions: "none" }, () => {
    assert.equal(quoteValue(value), want);
    assert.equal(unescapeText(want.replace(/^"|"$/g, "")), value);
  });
}

/** Octets read as Latin-1, text of any code points, and the dangerous ones often. */
const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom(..."\r\n\0\x1b\"'\\%=, \u2028\u2029\u202e\x85<22>a\ud800\udc00"),
  }),
  fc.uint8Array().map((octets) => String.fromCharCode(...octets)),
);
// deno-fmt-ignore
const FORBIDDEN = /[\p{C}\p{Zl}\p{Zp}]/u;

Deno.test("quoteValue() gives one visible word from which the value comes back", {
  permissions: "none",
}, () => {
  fc.assert(fc.property(hostile, (value) => {
    const quoted = quoteValue(value);
    assert.doesNotMatch(quoted, FORBIDDEN);
    const whole = /^(?:"((?:[^"\\]|\\.)*)"|([^\s"=,\\]+))$/u.exec(quoted);
    assert.ok(whole);
    assert.equal(unescapeText(whole[1] ?? whole[2] ?? ""), value);
  }));
});

Deno.test("quoteList() gives as many elements as there were, each of which comes back", {
  permissions: "none",
}, () => {
  fc.assert(fc.property(fc.array(hostile, { minLength: 1 }), (values) => {
    const quoted = quoteList(values);
    assert.doesNotMatch(quoted, FORBIDDEN);
    const elements = quoted.replace(/^"|"$/g, "").split(",");
    assert.deepEqual(elements.map(unescapeText), values);
  }));
});

Deno.test("safeJson() is one visible line that parses to the same", { permissions: "none" }, () => {
  fc.assert(fc.property(hostile, (value) => {
    const json = safeJson({ value });
    assert.doesNotMatch(json, FORBIDDEN);
    assert.deepEqual(JSON.parse(json), { value });
  }));
});

Deno.test("escapeText() and cutText() cut between code points", { permissions: "none" }, () => {
  assert.equal(cutText("abc", 3), "abc");
  assert.equal(cutText("abcd", 3), "abc...(1 more)");
  assert.equal(cutText("ab😀", 3), "ab...(2 more)");
  assert.equal(escapeText("a\tb"), "a\\tb");
});
