import assert from "node:assert/strict";
import fc from "fast-check";
import { inTime } from "../../tests/in_time.ts";
import { matchesGlob } from "./glob.ts";
import { GlobTable } from "./glob_table.ts";

const cases: { glob: string; text: string; want: boolean }[] = [
  { glob: "*", text: "", want: true },
  { glob: "?", text: "", want: false },
  { glob: "?", text: "x", want: true },
  { glob: "a*", text: "A", want: true },
  { glob: "*.exe", text: "x.EXE", want: true },
  { glob: "*.exe", text: "x.exe.txt", want: false },
  { glob: "a*b*c", text: "a--b-b--c", want: true },
  { glob: "a*b*c", text: "a--c--b", want: false },
  { glob: "*ab", text: "aab", want: true },
  { glob: "*a?c*", text: "xxabcxx", want: true },
  { glob: "invoice-????.pdf", text: "invoice-2024.pdf", want: true },
  { glob: "invoice-????.pdf", text: "invoice-24.pdf", want: false },
  { glob: "grüße", text: "grüße", want: true },
];

for (const { glob, text, want } of cases) {
  Deno.test(`matchesGlob(${JSON.stringify(glob)}) of ${JSON.stringify(text)}`, {
    permissions: "none",
  }, () => {
    assert.equal(matchesGlob(glob, text, 0, text.length), want);
    assert.equal(matchesGlob(glob, `<${text}>`, 1, text.length + 1), want);
  });
}

Deno.test("matchesGlob() takes time in proportion to pattern times text at worst", {
  permissions: "none",
}, () => {
  const pattern = "*a".repeat(50) + "b";
  inTime(2000, () => assert.equal(matchesGlob(pattern, "a".repeat(5000), 0, 5000), false));
});

Deno.test("GlobTable finds exactly the globs that match", { permissions: "none" }, () => {
  const unit = fc.constantFrom("a", "b", "c", ".", "ü", "漢");
  const glob = fc.string({
    unit: fc.oneof(unit, fc.constantFrom("*", "?")),
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(
      fc.array(glob, { maxLength: 20 }),
      fc.array(fc.string({ unit, maxLength: 20 })),
      (globs, texts) => {
        const found = new Set<number>();
        const table = new GlobTable(globs, (number) => void found.add(number));
        for (const text of texts) {
          found.clear();
          table.scan(text, 0, text.length);
          const want = globs.flatMap((one, number) =>
            matchesGlob(one, text, 0, text.length) ? [number] : []
          );
          assert.deepEqual([...found].sort((a, b) => a - b), want);
        }
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("GlobTable finds globs at every place of a long text", { permissions: "none" }, () => {
  const globs = [
    "*12345678*",
    "12345678*",
    "*12345678",
    "*abcdef*",
    "*ghi?klm*x*",
    "*1234*",
    "*ü1",
  ];
  const found = new Set<number>();
  const table = new GlobTable(globs, (glob) => void found.add(glob));
  for (let length = 0; length < 600; length++) {
    for (const inner of ["12345678", "ABCDEF", "ghijklm x", "Ü1"]) {
      for (const text of [" ".repeat(length) + inner, inner + ".".repeat(length)]) {
        const lower = text.toLowerCase();
        found.clear();
        assert(table.scan(lower, 0, lower.length));
        const want = globs.flatMap((one, glob) =>
          matchesGlob(one, lower, 0, lower.length) ? [glob] : []
        );
        assert.deepEqual([...found].sort((a, b) => a - b), want, text);
      }
    }
  }
});

const alike: { name: string; globs: string[]; text: string; want: number[] }[] = [
  {
    name: "a run of sixteen octets, and longer ones",
    globs: ["*0123456789abcdef*", "*0123456789abcdefg*", "*0123456789abcdefx*"],
    text: "<0123456789ABCDEFG>",
    want: [0, 1],
  },
  {
    name: "globs of the same octets",
    globs: ["*abcdefgh*", "*abcdefgh", "abcdefgh*", "*abcdefgh?"],
    text: "-abcdefgh-",
    want: [0, 3],
  },
  {
    name: "units that have their low octets from others",
    globs: ["*abcdefgh*", "*\u0161bcdefgh*", "*abcdefg\u0168*"],
    text: "-\u0161bcdefgh-",
    want: [1],
  },
];

for (const { name, globs, text, want } of alike) {
  Deno.test(`GlobTable tells apart ${name}`, { permissions: "none" }, () => {
    const found = new Set<number>();
    new GlobTable(globs, (glob) => void found.add(glob)).scan(text, 0, text.length);
    assert.deepEqual([...found].sort((a, b) => a - b), want);
  });
}

Deno.test("GlobTable tells nothing of a text that does not stand for itself", {
  permissions: "none",
}, () => {
  const globs = ["*", "*abcdefgh*", "*a*", "ab?*"];
  const found: number[] = [];
  const table = new GlobTable(globs, (glob) => found.push(glob));
  for (const length of [0, 1, 255, 256, 257, 700]) {
    for (const text of [`abcdefgh${"x".repeat(length)}Ä`, `Äabcdefgh${"x".repeat(length)}`]) {
      assert.equal(table.scan(text, 0, text.length, 127), false);
      assert.deepEqual(found, []);
    }
  }
});
