import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { inflateRaw } from "./decompress.ts";
import { inflate } from "./inflate.ts";

const text = new TextEncoder().encode("the quick brown fox. ".repeat(400));
const random = Uint8Array.from({ length: 5000 }, (_, i) => (i * 2654435761) >>> 24);

for (const read of [inflate, inflateRaw]) {
  for (const level of [0, 1, 6, 9]) {
    Deno.test(`${read.name}() gives back what deflate level ${level} took`, () => {
      for (const whole of [text, random, new Uint8Array(0), new Uint8Array(70000)]) {
        const packed = deflateRawSync(whole, { level });
        const trailed = new Uint8Array([...packed, 1, 2, 3, 4, 5]);
        const result = read(trailed, whole.length);
        assert.equal(result.end, "complete");
        assert.equal(result.used, packed.length);
        assert.deepEqual(result.octets, whole);
      }
    });
  }

  Deno.test(`${read.name}() keeps the limit and gives what was within it`, () => {
    const packed = deflateRawSync(new Uint8Array(3_000_000));
    const result = read(packed, 1_000_000);
    assert.equal(result.end, "limit");
    assert.equal(result.octets.length, 1_000_000);
    assert.equal(read(packed, 3_000_000).end, "complete");
    assert.equal(read(packed, 2_999_999).end, "limit");
  });

  Deno.test(`${read.name}() cut at any octet gives a beginning and no error`, () => {
    const packed = deflateRawSync(text);
    for (let cut = 0; cut < packed.length; cut++) {
      const { end, octets } = read(packed.subarray(0, cut), 1e6);
      assert.equal(end, "truncated");
      assert.deepEqual(octets, text.subarray(0, octets.length));
    }
  });

  Deno.test(`${read.name}() reads any octets without throwing, within the limit`, () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), (octets) => {
      const result = read(octets, 10_000);
      assert.ok(result.octets.length <= 10_000);
      assert.ok(result.used <= octets.length);
    }));
  });
}

Deno.test("inflate() of changed streams ends as zlib does where both can read", () => {
  fc.assert(fc.property(
    fc.uint8Array({ minLength: 1, maxLength: 400 }),
    fc.nat(),
    fc.integer({ min: 1, max: 255 }),
    (whole, place, change) => {
      const packed = Uint8Array.from(deflateRawSync(whole));
      const at = place % packed.length;
      packed[at] = (packed[at] ?? 0) ^ change;
      const ours = inflate(packed, 100_000);
      const native = inflateRaw(packed, 100_000);
      assert.equal(ours.end, native.end);
      assert.deepEqual(ours.octets, native.octets);
    },
  ));
});
