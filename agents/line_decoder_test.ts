import assert from "node:assert/strict";
import fc from "fast-check";
import { PosternError } from "../errors.ts";
import { LineDecoder } from "./line_decoder.ts";

const octets = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Lines of all pieces, or the code of the error. */
function lines(pieces: readonly Uint8Array[], maxOctets = 8): string[] | string {
  const decoder = new LineDecoder(maxOctets);
  const out: string[] = [];
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        const { used, line } = decoder.take(piece, at);
        at += used;
        if (line) out.push(String.fromCharCode(...line));
      }
    }
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    assert.throws(() => decoder.take(octets("A\r\n")), { code: error.code }); // it stays failed
    return error.code;
  }
  return out;
}

const cases: { name: string; input: string; want: string[] | string }[] = [
  { name: "splits at CRLF", input: "A\r\n\r\n", want: ["A", ""] },
  { name: "keeps 8 octets", input: "12345678\r\n", want: ["12345678"] },
  { name: "refuses 9 octets", input: "123456789\r\n", want: "wire/too-long" },
  { name: "refuses an endless line", input: "1234567890123", want: "wire/too-long" },
  { name: "refuses smuggled LF", input: ".\n", want: "wire/bare-line-end" },
  { name: "refuses a CR in a line", input: "a\rb\r\n", want: "wire/bare-line-end" },
  { name: "refuses a doubled CR", input: "a\r\r\n", want: "wire/bare-line-end" },
];
for (const { name, input, want } of cases) {
  Deno.test(`LineDecoder.take() ${name}, cut at every octet`, { permissions: "none" }, () => {
    const all = octets(input);
    for (let a = 0; a <= all.length; a++) {
      for (let b = a; b <= all.length; b++) {
        assert.deepEqual(lines([all.subarray(0, a), all.subarray(a, b), all.subarray(b)]), want);
      }
    }
  });
}

Deno.test("LineDecoder.take() says the same whatever the cuts", { permissions: "none" }, () => {
  const text = fc.array(fc.constantFrom("a", "\r\n", "bb", "\r", "\n"), { maxLength: 20 });
  fc.assert(fc.property(text, fc.integer({ min: 1, max: 5 }), (parts, step) => {
    const all = octets(parts.join(""));
    const pieces = [];
    for (let i = 0; i < all.length; i += step) pieces.push(all.subarray(i, i + step));
    const [whole, cut] = [lines([all]), lines(pieces)];
    // Where a line is both too long and badly ended, the cuts say which is seen first.
    if (typeof whole === "string") assert.equal(typeof cut, "string");
    else assert.deepEqual(cut, whole);
  }));
});
