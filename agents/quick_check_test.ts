import assert from "node:assert/strict";
import fc from "fast-check";
import * as v from "valibot";
import { quickParse } from "./quick_check.ts";

const text = v.pipe(v.string(), v.maxLength(5));
const schema = v.variant("kind", [
  v.object({
    kind: v.literal("a"),
    count: v.pipe(v.number(), v.integer(), v.minValue(0)),
    name: v.exactOptional(text),
    list: v.array(v.picklist(["x", "y"])),
  }),
  v.object({
    kind: v.literal("b"),
    loose: v.looseObject({ hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{2}$/)) }),
    costs: v.record(v.string(), v.pipe(v.number(), v.finite())),
    either: v.union([v.string(), v.boolean(), v.instance(Uint8Array)]),
    any: v.unknown(),
  }),
]);
const parse = quickParse(schema);

function agrees(value: unknown): boolean {
  const expected = v.safeParse(schema, value);
  const found = parse(value);
  assert.equal(found.success, expected.success, JSON.stringify(value));
  if (found.success && expected.success) assert.deepEqual({ ...found.output }, expected.output);
  if (!found.success && !expected.success) {
    assert.equal(found.issues[0].message, expected.issues[0].message);
  }
  return found.success;
}

const GOOD: readonly unknown[] = [
  { kind: "a", count: 0, list: [] },
  { kind: "a", count: 3, name: "five5", list: ["x", "y"] },
  { kind: "b", loose: { hash: "0f", more: 1 }, costs: { ms: 1.5 }, either: true, any: null },
  { kind: "b", loose: { hash: "0f" }, costs: {}, either: new Uint8Array(2), any: undefined },
];

Deno.test("quickParse() passes what is right through as it is", { permissions: "none" }, () => {
  for (const value of GOOD) {
    assert.ok(agrees(value));
    const found = parse(value);
    assert.ok(found.success && found.output === value);
  }
});

const ROWS: readonly (readonly [name: string, value: unknown, success: boolean])[] = [
  ["an unknown kind", { kind: "c" }, false],
  ["a number that is none", { kind: "a", count: NaN, list: [] }, false],
  ["half a count", { kind: "a", count: 0.5, list: [] }, false],
  ["a count below", { kind: "a", count: -1, list: [] }, false],
  ["a name too long", { kind: "a", count: 1, name: "sixsix", list: [] }, false],
  ["a name that is undefined", { kind: "a", count: 1, name: undefined, list: [] }, false],
  ["what is missing", { kind: "a", count: 1 }, false],
  ["what is inherited", Object.create({ kind: "a", count: 1, list: [] }), true],
  ["what does not belong", { kind: "a", count: 1, list: [], more: 1 }, true],
  [
    "a prototype of its own",
    JSON.parse('{"kind":"a","count":1,"list":[],"__proto__":{"x":1}}'),
    true,
  ],
  ["no object", "a", false],
  ["nothing", null, false],
  ["an infinite cost", {
    kind: "b",
    loose: { hash: "00" },
    costs: { ms: Infinity },
    either: "",
    any: 1,
  }, false],
  [
    "an odd key",
    JSON.parse(
      '{"kind":"b","loose":{"hash":"00","__proto__":1},"costs":{"constructor":1},"either":"","any":1}',
    ),
    true,
  ],
];
for (const [name, value, success] of ROWS) {
  Deno.test(`quickParse() and valibot agree about ${name}`, { permissions: "none" }, () => {
    assert.equal(agrees(value), success);
  });
}

Deno.test("quickParse() and valibot agree about anything", { permissions: "none" }, () => {
  const leaf = fc.oneof(
    fc.constantFrom("a", "b", "x", "y", "0f", true, null, NaN, Infinity, -1, 0, 7, undefined),
    fc.string({ maxLength: 7 }),
  );
  const list = fc.array(leaf, { maxLength: 3 });
  const inner = fc.dictionary(fc.constantFrom("hash", "ms", "__proto__", "more"), leaf);
  const value = fc.dictionary(
    fc.constantFrom("kind", "count", "name", "list", "loose", "costs", "either", "any", "more"),
    fc.oneof(leaf, list, inner),
  );
  const near = fc.tuple(fc.constantFrom(...GOOD), value).map(([good, change]) => ({
    ...good as object,
    ...change,
  }));
  fc.assert(fc.property(fc.oneof(value, near, leaf, list), (each) => void agrees(each)));
});
