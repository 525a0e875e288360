import assert from "node:assert/strict";
import fc from "fast-check";
import { holds, parseExpression, subsignaturesOf } from "./logical_expression.ts";

const rows: { expression: string; counts: number[]; want: boolean }[] = [
  { expression: "0", counts: [1], want: true },
  { expression: "0", counts: [0], want: false },
  { expression: "0&1", counts: [1, 0], want: false },
  { expression: "0&1", counts: [1, 2], want: true },
  { expression: "0|1", counts: [0, 1], want: true },
  { expression: "(0&1)|2", counts: [0, 0, 1], want: true },
  { expression: "0&1|2", counts: [0, 0, 1], want: false }, // what is right of & is one operand
  { expression: "0|1&2", counts: [1, 0, 0], want: true },
  { expression: "0=2", counts: [2], want: true },
  { expression: "0=2", counts: [3], want: false },
  { expression: "0>2", counts: [3], want: true },
  { expression: "0>2", counts: [2], want: false },
  { expression: "0<2&1", counts: [1, 1], want: true },
  { expression: "0<2&1", counts: [2, 1], want: false },
  { expression: "0=0&1", counts: [0, 1], want: true },
  { expression: "0=0&1", counts: [1, 1], want: false },
  { expression: "(0|1|2)>2", counts: [1, 1, 1], want: true },
  { expression: "(0|1|2)>2", counts: [1, 1, 0], want: false },
  { expression: "(0|1|2)>2,2", counts: [3, 0, 0], want: false },
  { expression: "(0|1|2)>2,2", counts: [2, 1, 0], want: true },
  { expression: "(0|1)=0&2", counts: [0, 0, 1], want: true },
  { expression: "((0|1)>1&2)|3", counts: [1, 1, 1, 0], want: true },
];
for (const { expression, counts, want } of rows) {
  Deno.test(`holds(${expression}) of ${counts} is ${want}`, { permissions: "none" }, () => {
    const words = parseExpression(expression);
    assert.ok(words);
    assert.equal(holds(words, counts), want);
  });
}

for (
  const bad of ["", "&", "0&", "(0", "0)", "a", "0>", "0>1,", "64", "0 1", "(".repeat(40) + "0"]
) {
  Deno.test(`parseExpression() refuses ${bad.slice(0, 8)}`, { permissions: "none" }, () => {
    assert.equal(parseExpression(bad), undefined);
  });
}

Deno.test("subsignaturesOf() names what is spoken of, not what is compared with", () => {
  assert.deepEqual([...subsignaturesOf(parseExpression("(0|3)>7,2&5=1") ?? [])], [0, 3, 5]);
});

Deno.test("parseExpression() takes any text", { permissions: "none" }, () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9&|()<>=,]{0,30}$/), (text) => {
      const words = parseExpression(text);
      if (words) holds(words, [1, 2, 3]);
    }),
  );
});
