import assert from "node:assert/strict";
import fc from "fast-check";
import { ModuleBuild } from "../module_build.ts";
import { openModules } from "../modules.ts";
import { yaraUrl } from "./load.ts";
import { Prefilter } from "./prefilter.ts";
import { readRules } from "./rule_text.ts";
import { checkRules, YaraRules } from "./yara_rules.ts";

const WASM = Deno.readFileSync(yaraUrl());
const encode = (text: string) => new TextEncoder().encode(text);

const STRINGS =
  `$a = "alpha" $b = "bravo" nocase $w = "wide" wide $h = { 61 6c ?? [1-3] 61 } $r = /al.ha/`;

const conditions: { condition: string; filtered: boolean }[] = [
  { condition: "$a", filtered: true },
  { condition: "$a and $b", filtered: true },
  { condition: "$a or $b", filtered: true },
  { condition: "$a or filesize < 10", filtered: false },
  { condition: "$a and filesize < 10", filtered: true },
  { condition: "not $a", filtered: false },
  { condition: "$b and not $a", filtered: true },
  { condition: "not ($a or $b)", filtered: false },
  { condition: "#a == 0", filtered: false },
  { condition: "#a > 1", filtered: false },
  { condition: "$a at 0", filtered: true },
  { condition: "$a in (0..10)", filtered: true },
  { condition: "any of ($a, $b)", filtered: true },
  { condition: "any of ($a, $r)", filtered: false },
  { condition: "any of them", filtered: false }, // one of them is a regular expression
  { condition: "none of them", filtered: false },
  { condition: "0 of ($a)", filtered: false },
  { condition: "2 of ($a, $b, $w)", filtered: true },
  { condition: "($a and ($b or $w)) or ($h)", filtered: true },
  { condition: "$r", filtered: false },
  { condition: "$r and $w", filtered: true },
  { condition: "for any i in (1..3): ( $a at i )", filtered: false },
  { condition: "uint16(0) == 0x5a4d and $a", filtered: true },
  { condition: "true", filtered: false },
  { condition: "$a or true", filtered: false },
];
for (const { condition, filtered } of conditions) {
  Deno.test(`Prefilter ${filtered ? "can" : "cannot"} filter: ${condition}`, () => {
    const source = `rule R { strings: ${STRINGS} condition: ${condition} }`;
    assert.equal(new Prefilter([source]).always === undefined, filtered);
  });
}

Deno.test("Prefilter.mayMatch() looks for every way that a string is written", () => {
  const { mayMatch } = (() => {
    const filter = new Prefilter([
      `rule A { strings: $a = "alpha\\x21" $b = "bravo" nocase wide ascii $h = { 7a 7a (61 | 62 63) [2] 7a 7a } condition: any of them }`,
    ]);
    return { mayMatch: (text: string) => filter.mayMatch(encode(text)) };
  })();
  assert.deepEqual(
    ["alpha!", "ALPHA!", "BraVo", "B\0r\0A\0v\0O\0", "zzaxxzz", "zzbcxxzz", "zzbxxzz", "nothing"]
      .map(
        mayMatch,
      ),
    [true, false, true, true, true, true, false, false],
  );
});

for (
  const text of [
    "rule",
    "rule X",
    "rule X {",
    'include "other.yar"',
    "rule X { strings: $a = condition: $a }",
    "rule X { other: 1 }",
    "what is this",
  ]
) {
  Deno.test(`readRules() says that it does not understand ${text}`, () => {
    assert.equal(readRules(text), undefined);
    assert.notEqual(new Prefilter([text]).always, undefined);
  });
}

Deno.test("readRules() reads names, comments, tags, meta data and several rules", () => {
  const rules = readRules(`import "pe" // comment "
    /* rule No { */ private global rule One : tag other { meta: a = "}" b = 1 c = true d = -0.5
    strings: $ = "a\\"}" fullword $x = /[\\/]x}/i $y = { 61 /* } */ 62 } $z = "q" xor(1-3) condition: $x and "}" == "}" }
    rule Two { condition: pe.is_pe matches /}/ }`);
  assert.deepEqual(rules?.map(({ name }) => name), ["One", "Two"]);
  assert.deepEqual(rules?.[0]?.strings.map(({ value }) => value.trim()), [
    'a"}',
    "[\\/]x}",
    "61  62",
    "q",
  ]);
});

Deno.test("Prefilter never says no where yara-x says yes", () => {
  const term = fc.constantFrom(
    ...conditions.map(({ condition }) => `(${condition})`),
    "not $b",
    "#b == 1",
    "filesize > 3",
  );
  const condition = fc.array(term, { minLength: 1, maxLength: 3 }).chain((terms) =>
    fc.constantFrom(" and ", " or ").map((operator) => terms.join(operator))
  );
  const word = fc.constantFrom("alpha", "BRAVO", "w\0i\0d\0e\0", "al.xxa", "alXha", " ", "zz", "");
  fc.assert(
    fc.property(condition, fc.array(word, { maxLength: 5 }), (text, words) => {
      const source =
        `rule R { strings: ${STRINGS} condition: (${text}) and (any of them or true) }`;
      const octets = encode(words.join("|"));
      if (new Prefilter([source]).mayMatch(octets)) return;
      const always = `${source} rule Always { condition: true }`;
      const names = new YaraRules([{ file: "a", text: always }], WASM).match(octets);
      assert.ok(!names.some(({ name }) => name === "R"));
    }),
    { numRuns: 25 },
  );
});

Deno.test("YARA rules become a module, and are found by their names and tags", () => {
  const build = new ModuleBuild(WASM);
  const [good] = build.add(
    "a.yar",
    encode(
      `private rule P { strings: $x = "evil" condition: $x } rule Evil { strings: $y = "octets" condition: P and $y }`,
    ),
  );
  const [tagged] = build.add(
    "b.yar",
    encode(`rule Odd : suspicious { strings: $a = "odd" condition: $a at 4 and filesize < 100 }`),
  );
  const [bad] = build.add("c.yar", encode("rule Bad { condition: nothing }"));
  assert.deepEqual([good?.used, tagged?.used, bad?.used], [1, 1, 0]);
  assert.match(bad?.unused[0]?.why ?? "", /nothing/);
  const files = build.finish(0).map(({ octets }) => octets);
  const { yara } = openModules(files, WASM);
  const match = (text: string) => yara.flatMap((rules) => rules.match(encode(text)));
  assert.deepEqual(match("evil octets"), [{ name: "Evil", severity: "infected", offset: 5 }]);
  assert.deepEqual(match("how odd"), [{ name: "Odd", severity: "suspicious", offset: 4 }]);
  assert.deepEqual(match("how very odd"), []);
  assert.throws(() => openModules(files), { code: "module/damaged" });
});

Deno.test("checkRules() tells the compiler's words", () => {
  assert.equal(checkRules("rule A { condition: true }", WASM), undefined);
  assert.match(checkRules("rule A { condition: x }", WASM) ?? "", /unknown identifier/);
});
