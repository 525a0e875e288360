import assert from "node:assert/strict";
import fc from "fast-check";
import { latin1, octets } from "./fixtures/testing.ts";
import { PIECE_OCTETS } from "./octet_memory.ts";
import { quotedPrintableReadings } from "./quoted_printable.ts";

const TOKEN =
  /=([0-9A-F]{2})|=([0-9A-Fa-f]{2})|(=(?:\r\n|\n|\r?$))|(=(?:\r|[ \t]+(?:\r\n|[\r\n]|$)))|([ \t]+(?=\r?\n))|([^])/g;

/** The standard reading, token by token, and whether another is possible. */
function slowly(text: string): { readonly decoded: string; readonly isOdd: boolean } {
  let isOdd = false;
  const decoded = text.replace(TOKEN, (_all, ...groups: readonly (string | undefined)[]) => {
    const [escape, lower, , odd, , other] = groups;
    if (lower !== undefined || odd !== undefined || other === "=") isOdd = true;
    const digits = escape ?? lower;
    return digits === undefined ? other ?? "" : String.fromCharCode(parseInt(digits, 16));
  });
  return { decoded, isOdd };
}

function check(text: string): void {
  const { decoded, isOdd } = slowly(text);
  const given = octets(text);
  const readings = [...quotedPrintableReadings(given)];
  assert.equal(latin1(readings[0]!.octets), decoded);
  assert.equal(readings[0]!.reading, "quoted-printable");
  assert.equal(readings.length > 1, isOdd);
  assert.equal(latin1(given), text);
}

const rows: readonly { name: string; text: string; decoded: string }[] = [
  { name: "nothing", text: "", decoded: "" },
  {
    name: "escapes without anything between",
    text: "=D0=9F=0D=0A=20\r\n",
    decoded: "\xd0\x9f\r\n \r\n",
  },
  { name: "blanks before each line end", text: "  \n \t\r\na \n", decoded: "\n\r\na\n" },
  { name: "a blank before a bare CR", text: "a \rb \r\r\n", decoded: "a \rb \r\r\n" },
  { name: "a blank before a soft break", text: "a =\r\n\r\nb =\n\n", decoded: "a \r\nb \n" },
  { name: "a soft break behind a soft break", text: "a=\r\n=\r\n=\nb=", decoded: "ab" },
  { name: "a soft break of a bare CR at the end", text: "a=\n=\r", decoded: "a" },
  { name: "a blank where all ends", text: "a b ", decoded: "a b " },
];
for (const { name, text, decoded } of rows) {
  Deno.test(`quotedPrintableReadings() decodes ${name}`, { permissions: "none" }, () => {
    const [only, ...others] = quotedPrintableReadings(octets(text));
    assert.equal(latin1(only!.octets), decoded);
    assert.equal(others.length, 0);
    check(text);
    // wherever one piece ends and the next begins
    for (let before = 0; before <= text.length + 1; before++) {
      check(`${"\n".repeat(PIECE_OCTETS - before)}${text}`);
      check(`${"x".repeat(PIECE_OCTETS - before)}${text}`);
    }
  });
}

Deno.test("quotedPrintableReadings() decodes what is decoded token by token", {
  permissions: "none",
}, () => {
  const wellFormed = ["\r\n", "\n", " ", "\t", "=\r\n", "=\n", "=3D", "=C3=BC", "=20", "\r"];
  const odd = ["=", "=3d", "=C", "=XY", "= \n", "=\t", "=\r", "=a", "=\0"];
  const text = fc.string({ maxLength: 40 }).map((one) => one.replaceAll("=", ""));
  const body = (pieces: readonly string[]) =>
    fc.array(fc.oneof(fc.constantFrom(...pieces), text), { maxLength: 60, size: "max" });
  fc.assert(
    fc.property(fc.oneof(body(wellFormed), body([...wellFormed, ...odd])), (pieces) => {
      check(pieces.join(""));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("quotedPrintableReadings() decodes more blanks than a piece has octets", {
  permissions: "none",
}, () => {
  const blanks = " ".repeat(PIECE_OCTETS + 1);
  const [only] = quotedPrintableReadings(octets(`a${blanks}b=3D${blanks}\n`));
  assert.ok(latin1(only!.octets) === `a${blanks}b=\n`);
});

Deno.test("quotedPrintableReadings() gives the octets themselves where nothing is encoded", {
  permissions: "none",
}, () => {
  for (const text of ["a\r\nb", "a\n".repeat(PIECE_OCTETS), "x".repeat(PIECE_OCTETS + 1)]) {
    const given = octets(text);
    const [only] = quotedPrintableReadings(given);
    assert.ok(only!.octets.buffer === given.buffer);
  }
});
