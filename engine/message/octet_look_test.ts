import assert from "node:assert/strict";
import fc from "fast-check";
import { latin1, octets } from "./fixtures/testing.ts";
import { linesOfInterest } from "./lines.ts";
import { lookAt } from "./octet_look.ts";
import { PIECE_OCTETS } from "./octet_memory.ts";

/** The same, octet by octet. */
function slowly(text: Uint8Array): ReturnType<typeof lookAt> {
  const characters = latin1(text);
  return {
    ends: {
      bareCr: /\r(?!\n)/.test(characters),
      bareLf: /(?<!\r)\n/.test(characters),
      crlf: characters.includes("\r\n"),
      nul: characters.includes("\0"),
    },
    lines: linesOfInterest(text),
  };
}

const rows: readonly { name: string; text: string; lines: number }[] = [
  { name: "nothing", text: "", lines: 0 },
  { name: "a CR where all ends", text: "fifteen octets.\r", lines: 0 },
  { name: "a delimiter at the start", text: "--b\r\n", lines: 1 },
  { name: "an indented delimiter", text: `\n \t\0${" ".repeat(253)}--b`, lines: 1 },
  { name: "one with more indent", text: `\n \t\0${" ".repeat(254)}--b`, lines: 0 },
  { name: "dashes within a line", text: "a --b\n--\n", lines: 1 },
  { name: "a begin line", text: "a\r\nBEGIN 644 a\r\n", lines: 1 },
  { name: "one behind tags and behind another", text: "<p>begin <br>begin 644 a\n", lines: 1 },
  { name: "a word that begins so", text: "beginning\nbegin-base64 644 a\n", lines: 1 },
  { name: "yEnc and BinHex", text: "=ybegin a\n(This file must be converted\n", lines: 2 },
  { name: "an encoding", text: "a night-train\ncontenT-transfer-Encoding: b\n", lines: 1 },
  { name: "delimiters behind each line end", text: "--a\n\r--b\r--c\r\n--d", lines: 5 },
];
for (const { name, text, lines } of rows) {
  Deno.test(`lookAt() finds ${name}`, { permissions: "none" }, () => {
    assert.deepEqual(lookAt(octets(text)), slowly(octets(text)));
    assert.equal(lookAt(octets(text)).lines.length, lines);
    // wherever one piece ends and the next begins
    for (let before = 0; before <= text.length; before++) {
      for (const filling of ["x", "\n"]) {
        const long = octets(filling.repeat(PIECE_OCTETS - before) + text);
        assert.deepEqual(lookAt(long), slowly(long));
      }
    }
  });
}

const PIECES = [
  "\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  "\0",
  "-",
  "--",
  "<",
  ">",
  "begin ",
  "Content-Transfer-Encoding:",
  "t-T",
  "Begi",
  "n",
  "(",
];

Deno.test("lookAt() finds what is found octet by octet", { permissions: "none" }, () => {
  const piece = fc.oneof(
    fc.constantFrom(...PIECES, "=ybegin ", "this file must be converted", "begin-base64 "),
    fc.string({ maxLength: 40 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60, size: "max" }), fc.boolean(), (pieces, isTidy) => {
      const text = pieces.join("");
      const one = octets(isTidy ? text.replace(/\r(?!\n)/g, "") : text);
      assert.deepEqual(lookAt(one), slowly(one));
    }),
    { numRuns: 2_000 },
  );
});
