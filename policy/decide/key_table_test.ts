import assert from "node:assert/strict";
import fc from "fast-check";
import { CASE_BIT, EMPTY_HASH, HASH_FACTOR, KeyTable, NO_KEY } from "./key_table.ts";

function find(table: KeyTable, text: string, from = 0, to = text.length): number {
  let hash = EMPTY_HASH;
  for (let i = to - 1; i >= from; i--) {
    hash = Math.imul(hash ^ (text.charCodeAt(i) | CASE_BIT), HASH_FACTOR);
  }
  return table.find(hash, text, from, to);
}

// Units with the same low octet, so that what differs in the high octet alone has the same hash.
const unit = fc.constantFrom("a", "b", "š", "ū", "慡", "ü", ".", "@");

Deno.test("KeyTable finds its keys and nothing else", { permissions: "none" }, () => {
  const text = fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit, maxLength: 6 }) },
    fc.string({ unit, minLength: 15, maxLength: 70 }),
  );
  fc.assert(fc.property(fc.uniqueArray(text, { maxLength: 40 }), fc.array(text), (keys, others) => {
    const table = new KeyTable(keys, keys.map((_, number) => number * 3 - 7));
    for (const one of [...keys, ...others]) {
      const number = keys.indexOf(one);
      const want = number < 0 ? NO_KEY : number * 3 - 7;
      assert.equal(find(table, one), want, one);
      assert.equal(find(table, `<${one}>`, 1, one.length + 1), want, one);
      if (/^[ -~]*$/.test(one)) assert.equal(find(table, one.toUpperCase()), want, one);
    }
  }));
});

Deno.test("KeyTable finds each of many keys", { permissions: "none" }, () => {
  const keys = Array.from(
    { length: 20_000 },
    (_, number) => `user${number}@d${number % 7}.example`,
  );
  const table = new KeyTable(keys, keys.map((_, number) => number));
  keys.forEach((key, number) => {
    assert.equal(find(table, key), number);
    assert.equal(find(table, `x${key}`), NO_KEY);
  });
});
