import assert from "node:assert/strict";
import fc from "fast-check";
import { unacefile } from "./ace.ts";
import { AceBits, AceCodes } from "./ace_bits.ts";
import { concat } from "./octets.ts";
import {
  type AceSource,
  aceStream,
  type AceSymbol,
  aceSymbols,
  makeAce,
} from "./testing/ace_writer.ts";
import { ascii, checkAnyOctets, checkCuts, contentsOf, numbers, openAll } from "./testing/open.ts";

const TEXT = "the same line again and again, the same line\n".repeat(9);

const packedFile = (name: string, text: string): AceSource => ({
  name,
  plain: ascii(text),
  packed: aceStream(aceSymbols(ascii(text))),
  method: 1,
});
const storedFile = (name: string, text: string): AceSource => ({
  name,
  plain: ascii(text),
  packed: ascii(text),
  method: 0,
});

/** A file with changes of mode. */
function blocked(plain: Uint8Array, symbols: readonly AceSymbol[]): Uint8Array {
  return makeAce([{ name: "b", plain, packed: aceStream(symbols), method: 2 }]);
}

const ACE = makeAce([packedFile("lz77.txt", TEXT), storedFile("stored.txt", "as it is")]);

Deno.test("unacefile() opens what is stored and what is packed, and says what is missing at any cut", () => {
  const opened = openAll(unacefile, ACE);
  assert.deepEqual(opened.breaches, []);
  assert.deepEqual(contentsOf(opened), [["lz77.txt", TEXT], ["stored.txt", "as it is"]]);
  // between two files, a cut archive is one with fewer files
  const between = makeAce([packedFile("lz77.txt", TEXT)]).length;
  checkCuts(unacefile, ACE, { from: 32, whole: between });
  checkCuts(unacefile, ACE, { from: between + 1 });
});

Deno.test("unacefile() copies from the last four distances", () => {
  const symbols: AceSymbol[] = [
    ...ascii("abcdef"),
    { distance: 6, length: 6 }, // abcdef
    { distance: 1, length: 4 }, // ffff
    { again: 1, length: 3 }, // 6 back: efff... of the end
    { again: 0, length: 2 },
  ];
  let text = "abcdef";
  const copy = (distance: number, length: number) => {
    for (let i = 0; i < length; i++) text += text[text.length - distance];
  };
  copy(6, 6);
  copy(1, 4);
  copy(6, 3);
  copy(6, 2);
  const octets = makeAce([{
    name: "a",
    plain: ascii(text),
    packed: aceStream(symbols),
    method: 1,
  }]);
  assert.deepEqual(contentsOf(openAll(unacefile, octets)), [["a", text]]);
});

Deno.test("unacefile() of a solid archive copies from the files before", () => {
  const first = "the first file of two";
  const second = "the second: the first file of two";
  const start = "the second: ";
  const symbols: AceSymbol[] = [
    ...ascii(start),
    { distance: first.length + start.length, length: first.length },
  ];
  const files = [
    packedFile("1", first),
    { name: "2", plain: ascii(second), packed: aceStream(symbols), method: 1 },
  ];
  const opened = openAll(unacefile, makeAce(files, true));
  assert.deepEqual(opened.breaches, []);
  assert.deepEqual(contentsOf(opened), [["1", first], ["2", second]]);
  // without the word solid, there is nothing to copy from
  assert.deepEqual(openAll(unacefile, makeAce(files)).breaches, ["malformed"]);
});

Deno.test("unacefile() undoes differences, in planes", () => {
  // octets of pairs: all first ones, then all second ones, each as its difference
  const plain = ascii("aAbBcC");
  const planes = ascii("abcABC");
  const deltas = planes.map((octet, i) => octet - (planes[i - 1] ?? 0));
  const mode: AceSymbol = { mode: [[1, 8], [2, 8], [6, 17]] };
  const octets = blocked(concat([ascii("x"), plain, ascii("y")]), [
    0x78,
    mode,
    ...deltas,
    { mode: [[0, 8]] },
    0x79,
  ]);
  const opened = openAll(unacefile, octets);
  assert.deepEqual(contentsOf(opened), [["b", "xaAbBcCy"]]);
});

Deno.test("unacefile() makes targets of calls and jumps relative again", () => {
  const plain = concat([
    ascii("ab"),
    Uint8Array.of(0xe8, 0x10, 0x20, 0x30, 0x40),
    ascii("c"),
    Uint8Array.of(0xe9, 0xff, 0xff),
    ascii("the end of it"),
  ]);
  const absolute = plain.slice();
  absolute.set(numbers([0x40302010 + 2, 4]), 3);
  absolute.set(numbers([(0xffff + 8) & 0xffff, 2]), 9);
  const opened = openAll(unacefile, blocked(plain, [{ mode: [[2, 8], [1, 8]] }, ...absolute]));
  assert.deepEqual(opened.breaches, []);
  assert.deepEqual(opened.entries[0]?.content, plain);
});

Deno.test("unacefile() says what it does not open", () => {
  const sound = blocked(ascii("ab"), [0x61, { mode: [[3, 8]] }, 0x62]);
  assert.deepEqual(openAll(unacefile, sound).breaches, ["unsupported"]);
  const closed = makeAce([{ ...storedFile("a", "text"), flags: 1 << 14 }]);
  assert.deepEqual(openAll(unacefile, closed).breaches, ["encrypted"]);
  const wrong = ACE.slice();
  wrong[wrong.length - 1] = 0;
  assert.deepEqual(openAll(unacefile, wrong).breaches, ["malformed"]);
});

Deno.test("unacefile() never throws and stays within its output, whatever the octets", () => {
  checkAnyOctets(unacefile, [ACE, blocked(ascii("ab"), [0x61, { mode: [[2, 8], [1, 8]] }, 0x62])]);
});

Deno.test("AceCodes.of() gives each symbol codes of its width, and no code to two", () => {
  fc.assert(fc.property(fc.array(fc.nat(11), { minLength: 2, maxLength: 40 }), (widths) => {
    const codes = AceCodes.of(widths, widths.length, 11);
    if (!codes) return; // more codes than there is room for
    const counts = new Map<number, number>();
    for (let code = 0; code < 1 << 11; code++) {
      const bits = new AceBits(numbers([(code << 21) >>> 0, 4]));
      const symbol = codes.next(bits);
      counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
    }
    const used = widths.filter((width) => width > 0).length;
    const whole = widths.reduce((sum, width) => sum + (width > 0 ? 2 ** (11 - width) : 0), 0);
    if (used < 2 || whole !== 2048) return; // what is left over falls to the first symbol
    for (const [symbol, width] of widths.entries()) {
      assert.equal(counts.get(symbol) ?? 0, width > 0 ? 2 ** (11 - width) : 0);
    }
  }));
});
