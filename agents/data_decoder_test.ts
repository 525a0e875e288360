import assert from "node:assert/strict";
import fc from "fast-check";
import { DataDecoder } from "./data_decoder.ts";
import { gather, join, stuffDots } from "./dot_stuffing.ts";
import { hasBareLineEnd, latin1, normaliseLineEnds } from "./line_ends.ts";

const octets = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Decodes pieces; `rest` is what stands behind the end of data. */
function decode(pieces: readonly Uint8Array[], maxOctets = 1 << 20) {
  const decoder = new DataDecoder(maxOctets);
  for (const [i, piece] of pieces.entries()) {
    const { used, message } = decoder.take(piece);
    if (!message) {
      assert.equal(used, piece.length);
      continue;
    }
    const rest = latin1(join([piece.subarray(used), ...pieces.slice(i + 1)]));
    return { message: latin1(message), rest, tooLarge: decoder.tooLarge };
  }
  return undefined;
}

const cases: { name: string; input: string; want?: string; rest?: string }[] = [
  { name: "an empty message", input: ".\r\n", want: "" },
  { name: "one line", input: "a\r\n.\r\n", want: "a\r\n" },
  { name: "what follows stays", input: "a\r\n.\r\nQUIT\r\n", want: "a\r\n", rest: "QUIT\r\n" },
  { name: "a stuffed dot", input: "..\r\n.\r\n", want: ".\r\n" },
  {
    name: "stuffed dots",
    input: "..a\r\n...b\r\nc..d\r\n..\r\n.\r\n",
    want: ".a\r\n..b\r\nc..d\r\n.\r\n",
  },
  { name: "a single dot before text", input: ".a\r\n.\r\n", want: "a\r\n" },
  { name: "LF.LF is content", input: "a\n.\nb\r\n.\r\n", want: "a\n.\nb\r\n" },
  { name: "LF.CRLF is content", input: "a\n.\r\nb\r\n.\r\n", want: "a\n.\r\nb\r\n" },
  { name: "CRLF.LF is content", input: "a\r\n.\nb\r\n.\r\n", want: "a\r\n\nb\r\n" },
  { name: "CRLF.CR is content", input: "a\r\n.\rb\r\n.\r\n", want: "a\r\n\rb\r\n" },
  { name: "CR.CR is content", input: "a\r.\rb\r\n.\r\n", want: "a\r.\rb\r\n" },
  { name: "CRLF.CRCRLF is content", input: "a\r\n.\r\r\nb\r\n.\r\n", want: "a\r\n\r\r\nb\r\n" },
  { name: "NUL behind the dot", input: "a\r\n.\0\r\nb\r\n.\r\n", want: "a\r\n\0\r\nb\r\n" },
  {
    name: "a dot that was taken off begins no end",
    input: "..\r\n..\r\n.\r\n",
    want: ".\r\n.\r\n",
  },
  { name: "no end", input: "a\r\n.\r" },
];
for (const { name, input, want, rest } of cases) {
  Deno.test(`DataDecoder.take() ${name}, cut at every octet`, { permissions: "none" }, () => {
    const all = octets(input);
    const check = (got: ReturnType<typeof decode>) => {
      assert.equal(got?.message, want);
      if (want !== undefined) assert.equal(got?.rest, rest ?? "");
    };
    for (let a = 0; a <= all.length; a++) {
      for (let b = a; b <= all.length; b++) {
        check(decode([all.subarray(0, a), all.subarray(a, b), all.subarray(b)]));
      }
    }
    check(decode([...all].map((octet) => new Uint8Array([octet]))));
  });
}

Deno.test("DataDecoder.take() keeps a message of the limit and drops one past it", {
  permissions: "none",
}, () => {
  for (const cut of [1, 3, 1000]) {
    for (const [size, tooLarge] of [[2000, false], [2001, true], [90_000, true]] as const) {
      const all = octets("x".repeat(size - 2) + "\r\n.\r\nNOOP");
      const pieces = [];
      for (let i = 0; i < all.length; i += cut) pieces.push(all.subarray(i, i + cut));
      const got = decode(pieces, 2000);
      assert.equal(got?.tooLarge, tooLarge);
      assert.equal(got?.message.length, tooLarge ? 0 : size);
      assert.equal(got?.rest, "NOOP");
    }
  }
});

/** Text with more line ends and dots than any mail has. */
const hostile = fc.array(fc.constantFrom("\r", "\n", "\r\n", ".", "a", "\0", "\r\n.\r\n"), {
  maxLength: 40,
})
  .map((parts) => parts.join(""));

Deno.test("normaliseLineEnds() leaves no bare CR or LF and keeps clean octets", {
  permissions: "none",
}, () => {
  fc.assert(fc.property(hostile, (text) => {
    const all = octets(text);
    const out = normaliseLineEnds(all);
    assert.ok(!hasBareLineEnd(out));
    assert.equal(out === all, !hasBareLineEnd(all));
    assert.equal(latin1(out).replaceAll(/[\r\n ]/g, ""), text.replaceAll(/[\r\n ]/g, ""));
  }));
});

Deno.test(
  "stuffDots() and DataDecoder are inverse, whatever the cuts",
  { permissions: "none" },
  () => {
    fc.assert(
      fc.property(
        hostile,
        fc.array(fc.nat(60), { maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        (text, cuts, step) => {
          const message = normaliseLineEnds(octets(text));
          const chunks: Uint8Array[] = [];
          let from = 0;
          for (
            const cut of cuts.sort((a, b) => a - b)
          ) {
            const to = Math.min(cut, message.length);
            chunks.push(message.subarray(from, to));
            from = to;
          }
          chunks.push(message.subarray(from));
          const wire = join([...gather(stuffDots(chunks), 16)]);
          assert.ok(!hasBareLineEnd(wire));
          const pieces = [];
          for (let i = 0; i < wire.length; i += step) pieces.push(wire.subarray(i, i + step));
          const got = decode(pieces);
          const want = latin1(message);
          assert.equal(got?.message, want === "" || want.endsWith("\r\n") ? want : want + "\r\n");
          assert.equal(got?.rest, "");
        },
      ),
    );
  },
);
