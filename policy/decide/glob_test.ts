import assert from "node:assert/strict";
import fc from "fast-check";
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
  const start = performance.now();
  assert.equal(matchesGlob(pattern, "a".repeat(5000), 0, 5000), false);
  assert(performance.now() - start < 2000);
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
