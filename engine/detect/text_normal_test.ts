import assert from "node:assert/strict";
import fc from "fast-check";
import { normalText } from "./text_normal.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** The same, octet by octet. */
function slowly(octets: Uint8Array): Uint8Array | undefined {
  const made: number[] = [];
  for (const octet of octets) {
    const isBlank = octet === 0x20 || (octet >= 0x09 && octet <= 0x0d);
    if (isBlank && made.at(-1) === 0x20) continue;
    made.push(isBlank ? 0x20 : octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet);
  }
  const normal = Uint8Array.from(made);
  return normal.length === octets.length && normal.every((octet, i) => octet === octets[i])
    ? undefined
    : normal;
}

for (
  const [text, normal] of [
    ["", undefined],
    ["a b", undefined],
    ["A", "a"],
    ["[@`{\u{c9}", undefined],
    ["Dear  Sir,\r\n\r\n\tGOOD\v\f\r\n day ", "dear sir, good day "],
    [" \n ", " "],
    ["x".repeat(15) + "\r\n" + "Y".repeat(40), "x".repeat(15) + " " + "y".repeat(40)],
  ] as const
) {
  Deno.test({
    name: `normalText() of ${JSON.stringify(text)}`,
    permissions: "none",
    fn() {
      assert.deepEqual(normalText(encode(text)), normal === undefined ? undefined : encode(normal));
    },
  });
}

Deno.test(
  "normalText() of every octet, at every place of a vector",
  { permissions: "none" },
  () => {
    for (let octet = 0; octet < 256; octet++) {
      for (let at = 0; at < 17; at++) {
        const octets = new Uint8Array(20).fill(0x61);
        octets[at] = octet;
        octets[at + 1] = 0x20;
        assert.deepEqual(normalText(octets), slowly(octets));
      }
    }
  },
);

Deno.test("normalText() of any text is what it is octet by octet", { permissions: "none" }, () => {
  const octet = fc.constantFrom(...encode(" \n\r\tAZaz09.\0\u{e9}"));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
    assert.deepEqual(normalText(octets), slowly(octets));
  }));
  fc.assert(fc.property(fc.array(octet, { maxLength: 200 }), (octets) => {
    assert.deepEqual(normalText(Uint8Array.from(octets)), slowly(Uint8Array.from(octets)));
  }));
});

Deno.test("normalText() of texts longer than its memory", { permissions: "none" }, () => {
  for (const length of [65_535, 65_536, 65_537, 131_072, 200_000]) {
    for (const text of ["a \n", " ", "Abc", "abcdefgh  \r\n"]) {
      const octets = encode(text.repeat(length)).subarray(0, length);
      assert.deepEqual(normalText(octets), slowly(octets));
    }
  }
});

Deno.test("normalText() leaves texts alone that are too long", { permissions: "none" }, () => {
  assert.equal(normalText(new Uint8Array((16 << 20) + 1).fill(0x41)), undefined);
});
