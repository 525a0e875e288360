import assert from "node:assert/strict";
import { showSize, showSpan, table, visible } from "./output.ts";

const texts: { name: string; text: string; want: string }[] = [
  { name: "keeps letters", text: "Zoë 日本 a\u0301", want: "Zoë 日本 a\u0301" },
  { name: "shows escape sequences", text: "\u001b[31mred", want: "\\u{1b}[31mred" },
  { name: "shows line ends", text: "a\r\nb\u2028c\u0085", want: "a\\u{d}\\u{a}b\\u{2028}c\\u{85}" },
  { name: "shows marks of direction", text: "a\u202egpj.exe", want: "a\\u{202e}gpj.exe" },
];
for (const { name, text, want } of texts) {
  Deno.test(`visible() ${name}`, { permissions: "none" }, () => assert.equal(visible(text), want));
}

Deno.test("table() lays out columns by what a terminal shows", { permissions: "none" }, () => {
  assert.equal(
    table(["NAME", ">SIZE", "NOTE"], [["日本", 5, "x"], ["abc", 1000, undefined], ["a\nb", 1, ""]]),
    "NAME     SIZE  NOTE\n日本        5  x\nabc      1000  -\na\\u{a}b     1\n",
  );
});

Deno.test("showSize() and showSpan() keep to three digits", { permissions: "none" }, () => {
  assert.deepEqual([0, 1023, 1024, 150 * 1024, 3.5 * 1024 ** 3].map(showSize), [
    "0 B",
    "1023 B",
    "1.0 KB",
    "150 KB",
    "3.5 GB",
  ]);
  assert.deepEqual([5, 90_000, 200_000, 7_500_000, 400_000_000].map(showSpan), [
    "5 ms",
    "90 s",
    "3 min 20 s",
    "2 h 5 min",
    "4 d 15 h",
  ]);
});
