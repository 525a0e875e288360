import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { indexOfAscii, latin1Text } from "./latin1.ts";

const none = { permissions: "none" } as const;

Deno.test("latin1Text() has one character for each octet", none, () => {
  const octets = Uint8Array.from({ length: 256 }, (_, i) => i);
  const text = latin1Text(octets);
  assert.equal(text.length, 256);
  assert.equal(text.slice(0, 128), String.fromCharCode(...octets.subarray(0, 128)));
});

Deno.test(
  "indexOfAscii() finds what Buffer finds, wherever the pieces of a search end",
  none,
  () => {
    const letter = fc.constantFrom(0x50, 0x4b, 1);
    const octets = fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(3000), fc.array(letter))
      .map(([head, gap, tail]) => Uint8Array.from([...head, ...new Uint8Array(gap), ...tail]));
    fc.assert(
      fc.property(
        octets,
        fc.constantFrom("P", "PK", "PK\x01", "PPKP"),
        fc.nat(100),
        (all, word, from) => {
          assert.equal(
            indexOfAscii(all, word, from),
            Buffer.from(all).indexOf(word, from, "latin1"),
          );
        },
      ),
    );
  },
);
