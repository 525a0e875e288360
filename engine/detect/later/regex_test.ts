import assert from "node:assert/strict";
import fc from "fast-check";
import { inTime } from "../../../tests/in_time.ts";
import { OutOfSteps, RegexMatcher } from "./regex_matcher.ts";
import { parseRegex, type RegexFlags } from "./regex_parser.ts";

const octets = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** Start and end of the first match; `none`, or the reason why the expression is not supported. */
function look(text: string, content: string, flags: RegexFlags = {}, left = 100_000): string {
  const regex = parseRegex(text, flags);
  if (typeof regex === "string") return regex;
  try {
    const found = new RegexMatcher(regex).find(octets(content), 0, content.length, { left });
    return found ? `${found.start}-${found.end}` : "none";
  } catch (error) {
    if (error instanceof OutOfSteps) return "out of steps";
    throw error;
  }
}

const LOOKS: readonly [text: string, content: string, want: string, flags?: RegexFlags][] = [
  ["abc", "xxabc", "2-5"],
  ["a.c", "a\nc", "none"],
  ["a.c", "a\nc", "0-3", { dotAll: true }],
  ["^b", "a\nb", "none"],
  ["^b", "a\nb", "2-3", { lines: true }],
  ["a$", "a\n", "0-1"],
  ["a$", "a\n", "none", { dollarEnd: true }],
  ["a$", "a\nb", "0-1", { lines: true }],
  ["A b # comment", "ab", "0-2", { extended: true, folded: true }],
  ["a+", "aaa", "0-1", { lazy: true }],
  ["a++a", "aaa", "none"],
  ["(?>a+)b", "aab", "0-3"],
  ["(a*)*b", "aaab", "0-4"],
  ["(?:a|ab)(?:c|bcd)(d*)", "abcd", "0-4"],
  ["(a)(b)?\\2c", "ac", "none"],
  ["(ab)\\1", "abab", "0-4"],
  ["(?P<x>a)(?P=x)\\k<x>", "aaa", "0-3"],
  ["(?i:A)B", "aB", "0-2"],
  ["(?i)A(?-i)B", "ab", "none"],
  ["(?<=ab|c)d", "xcd", "2-3"],
  ["(?<!ab|c)d", "xcd", "none"],
  ["a(?=b)", "aab", "1-2"],
  ["a(?!b)", "aab", "0-1"],
  ["[\\x00-\\x1f\\xff]+", "a\x01\xffb", "1-3"],
  ["[]a]+", "x]a", "1-3"],
  ["[^]a]", "]ab", "2-3"],
  ["[a-]+", "b-a", "1-3"],
  ["[\\w-]+", ".a-b.", "1-4"],
  ["[[:^digit:][:space:]]", "12 ", "2-3"],
  ["\\d{2,}", "a1b23", "3-5"],
  ["x{,3}", "x{,3}", "0-5"],
  ["\\bfoo\\b", "a foo.", "2-5"],
  ["\\Qa.b\\E.", "a.bc", "0-4"],
  ["\\07\\x{41}\\cA", "\x07A\x01", "0-3"],
  ["(?#no)a", "a", "0-1"],
  ["a|", "b", "0-0"],
  ["", "", "an empty regular expression"],
  ["(", "", "a group without an end"],
  [")", "", "a regular expression with a stray )"],
  ["*", "", "a repetition of nothing"],
  ["(?R)", "", "recursion or conditions in a regular expression"],
  ["(?(1)a)", "", "recursion or conditions in a regular expression"],
  ["(*UTF8)a", "", "verbs in a regular expression"],
  ["\\1", "", "a reference to no group before it"],
  ["(?<=a+)b", "", "a regular expression that looks behind by no fixed width"],
  ["\\p{L}", "", "an escape that is not known here"],
  ["[z-a]", "", "a range that ends before it starts"],
  ["[a", "", "a class without an end"],
  ["(".repeat(200), "", "a regular expression nested too deep"],
  // Made to cost more than anybody has.
  ["(a+)+b", "a".repeat(40), "out of steps"],
  ["(?:(?:a?){50}){50}b", "a".repeat(60), "out of steps"],
  ["(x|y|xy)*z", "xy".repeat(3000), "out of steps"],
];

Deno.test("RegexMatcher matches what PCRE matches, and says what it does not know", () => {
  for (const [text, content, want, flags] of LOOKS) {
    assert.equal(look(text, content, flags), want, text);
  }
});

/** Expressions that JavaScript reads as PCRE does. */
const expression = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("a", "b", "c", ".", "[ab]", "[^a]", "\\d", "\\w", "^", "$", "\\b", "x"),
    fc.tuple(tie("node"), tie("node")).map(([a, b]) => a + b),
    fc.tuple(tie("node"), tie("node")).map(([a, b]) => `(?:${a}|${b})`),
    tie("node").map((a) => `(${a})`),
    fc.tuple(tie("node"), fc.constantFrom("*", "+", "?", "{1,2}", "*?", "+?", "{2}"))
      .map(([a, how]) => `(?:${a})${how}`),
    fc.tuple(fc.constantFrom("a", "[bc]", "."), fc.constantFrom("*", "+", "?", "*?", "{0,3}"))
      .map(([a, how]) => a + how),
    tie("node").map((a) => `(?=${a})`),
    tie("node").map((a) => `(?!${a})`),
  ),
})).node;

Deno.test("RegexMatcher agrees with the runtime's own expressions", () => {
  let matches = 0;
  fc.assert(
    fc.property(
      expression,
      fc.string({ unit: fc.constantFrom("a", "b", "c", "x", "1", "\n"), maxLength: 12 }),
      fc.record({ folded: fc.boolean(), dotAll: fc.boolean(), lines: fc.boolean() }),
      (text, content, { folded, dotAll, lines }) => {
        const letters = `${folded ? "i" : ""}${dotAll ? "s" : ""}${lines ? "m" : ""}`;
        // What is taken by nothing again and again, and what is behind a last line end, each reads in its own way.
        fc.pre(!/\$|\^/.test(text) || !content.includes("\n"));
        const found = new RegExp(text, letters).exec(content.replaceAll("\r", ""));
        const want = found ? `${found.index}-${found.index + found[0].length}` : "none";
        const got = look(text, content, { folded, dotAll, lines }, 1_000_000);
        if (got === "out of steps") return;
        if (found) matches++;
        assert.equal(got, want);
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(matches > 500);
});

Deno.test("RegexMatcher ends in its steps on whatever it is given", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ maxLength: 60 }), expression),
      fc.uint8Array({ maxLength: 2000 }),
      (text, content) => {
        const regex = parseRegex(text);
        if (typeof regex === "string") return;
        inTime(2000, () => {
          try {
            new RegexMatcher(regex).find(content, 0, content.length, { left: 50_000 });
          } catch (error) {
            assert.ok(error instanceof OutOfSteps, String(error));
          }
        });
      },
    ),
    { numRuns: 1000 },
  );
});
