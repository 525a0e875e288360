import assert from "node:assert/strict";
import fc from "fast-check";
import { inTime } from "../../tests/in_time.ts";
import { type BytePattern, literalPieces, parsePattern } from "./pattern.ts";
import { PatternSet } from "./pattern_set.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const hex = (text: string) =>
  Array.from(encode(text), (o) => o.toString(16).padStart(2, "0")).join("");

function pattern(text: string, more: Partial<BytePattern> = {}): BytePattern {
  const pieces = parsePattern(text);
  if (typeof pieces === "string") throw new TypeError(pieces);
  return { name: text, severity: "infected", pieces, ...more };
}

const cases: { name: string; pattern: string; input: string; want: number }[] = [
  { name: "a literal", pattern: hex("literal!"), input: "xx literal!", want: 3 },
  { name: "a literal at the very end", pattern: hex("literal"), input: "12345literal", want: 5 },
  { name: "nothing where one octet differs", pattern: hex("literal"), input: "litaral", want: -1 },
  { name: "a short literal of 4", pattern: hex("abcd"), input: "zzabcd", want: 2 },
  { name: "a short literal of 6", pattern: hex("abcdef"), input: "zzzabcdef", want: 3 },
  {
    name: "any octet",
    pattern: `${hex("lit")}??${hex("ral it is")}`,
    input: "litXral it is",
    want: 0,
  },
  { name: "half an octet", pattern: `6?${hex("iteral it is")}`, input: "literal it is", want: 0 },
  {
    name: "not the other half",
    pattern: `7?${hex("iteral it is")}`,
    input: "literal it is",
    want: -1,
  },
  {
    name: "an open gap forwards",
    pattern: `${hex("beginning")}*${hex("end")}`,
    input: "beginning .... end",
    want: 0,
  },
  {
    name: "an open gap backwards",
    pattern: `${hex("be")}*${hex("the ending")}`,
    input: "be .... the ending",
    want: 0,
  },
  {
    name: "a gap of 2 to 4",
    pattern: `${hex("beginning")}{2-4}${hex("end")}`,
    input: "beginning1234end",
    want: 0,
  },
  {
    name: "no gap of 5",
    pattern: `${hex("beginning")}{2-4}${hex("end")}`,
    input: "beginning12345end",
    want: -1,
  },
  {
    name: "no gap of 1",
    pattern: `${hex("beginning")}{2-4}${hex("end")}`,
    input: "beginning1end",
    want: -1,
  },
  {
    name: "a gap up to 3",
    pattern: `${hex("beginning")}{-3}${hex("end")}`,
    input: "beginningend",
    want: 0,
  },
  {
    name: "alternatives",
    pattern: `${hex("beginning")}(61|6262|63)${hex("end")}`,
    input: "beginningbbend",
    want: 0,
  },
  {
    name: "none of the alternatives",
    pattern: `${hex("beginning")}(61|6262)${hex("end")}`,
    input: "beginningbend",
    want: -1,
  },
  {
    name: "anything but",
    pattern: `${hex("beginning")}!(61|62)${hex("end")}`,
    input: "beginningcend",
    want: 0,
  },
  {
    name: "not what it may not be",
    pattern: `${hex("beginning")}!(61|62)${hex("end")}`,
    input: "beginningaend",
    want: -1,
  },
];
for (const { name, pattern: text, input, want } of cases) {
  Deno.test(`PatternSet.search() finds ${name}, wherever it is aligned`, () => {
    const set = new PatternSet([pattern(text)]);
    for (let lead = 0; lead < 9; lead++) {
      const buffer = new Uint8Array(lead + input.length);
      buffer.set(encode(input), lead);
      const { matches } = set.search(buffer.subarray(lead), "text");
      assert.deepEqual(matches.map((match) => match.offset), want < 0 ? [] : [want]);
      const whole = set.search(buffer, "text").matches;
      assert.deepEqual(whole.map((match) => match.offset), want < 0 ? [] : [want + lead]);
    }
  });
}

Deno.test("PatternSet.search() holds offsets and types, and says that octets were there", () => {
  const literal = hex("literal octets");
  const atStart = pattern(literal, { offset: { from: "start", min: 2, max: 4 } });
  const atEnd = pattern(literal, { offset: { from: "end", min: 14, max: 14 } });
  const typed = pattern(literal, { target: 1 });
  const found = (p: BytePattern, input: string, type = "text") => {
    const { matches, touched } = new PatternSet([p]).search(encode(input), type);
    return [matches.length, touched];
  };
  assert.deepEqual(found(atStart, "12literal octets"), [1, true]);
  assert.deepEqual(found(atStart, "1234literal octets"), [1, true]);
  assert.deepEqual(found(atStart, "12345literal octets"), [0, true]);
  assert.deepEqual(found(atEnd, "1234literal octets"), [1, true]);
  assert.deepEqual(found(atEnd, "1234literal octets."), [0, true]);
  assert.deepEqual(found(typed, "literal octets", "pe"), [1, true]);
  assert.deepEqual(found(typed, "literal octets"), [0, true]);
  assert.deepEqual(found(typed, "nothing of it"), [0, false]);
});

Deno.test("PatternSet finds in random octets what a naive search finds", () => {
  const literal = fc.uint8Array({ minLength: 4, maxLength: 20, max: 3 });
  fc.assert(
    fc.property(
      fc.array(literal, { maxLength: 20 }),
      fc.uint8Array({ maxLength: 300, max: 3 }),
      (literals, octets) => {
        const patterns = literals.map((l, i): BytePattern => ({
          name: String(i),
          severity: "infected",
          pieces: literalPieces(l),
        }));
        const text = String.fromCharCode(...octets);
        const want = literals.flatMap((l, i) =>
          text.includes(String.fromCharCode(...l)) ? [String(i)] : []
        );
        const { matches } = new PatternSet(patterns).search(octets, "binary");
        assert.deepEqual(matches.map((match) => match.pattern.name).sort(), want.sort());
      },
    ),
  );
});

Deno.test("PatternSet names the patterns that it cannot look for", () => {
  const set = new PatternSet([
    pattern("61??6364??64"),
    pattern("61??64"),
    pattern(hex("good one")),
  ]);
  assert.deepEqual([set.size, set.rejected.map(({ name }) => name)], [2, ["61??64"]]);
});

Deno.test("PatternSet.search() is not led into endless gaps", () => {
  const set = new PatternSet([
    pattern(`${hex("aaaaaaaaab")}*${hex("aa")}*${hex("aa")}*${hex("aa")}*${hex("b!")}`),
  ]);
  const octets = encode(("aaaaaaaaab".repeat(3000)) + "a".repeat(3000));
  inTime(5000, () => set.search(octets, "text"));
});

for (const bad of ["6", "zz", "61{3-1}62", "(61|6)", "!(61|6262)", "*", "6162{"]) {
  Deno.test(`parsePattern() says what is wrong with ${bad}`, () => {
    assert.equal(typeof parsePattern(bad), "string");
  });
}
