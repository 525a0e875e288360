import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { decodeCleanBase64 } from "./base64.ts";
import { readBinhex } from "./binhex.ts";
import { decodeBody, readEncodings } from "./encodings.ts";
import { latin1, octets } from "./fixtures/testing.ts";
import { quotedPrintableReadings } from "./quoted_printable.ts";
import { readUuencoded } from "./uuencode.ts";

function decodings(body: string, ...values: string[]): string[] {
  return decodeBody([Buffer.from(body, "latin1")], readEncodings(values).encodings, 1e6).contents
    .map((content) => latin1(content.octets));
}

const base64: { name: string; body: string; among: string[]; clean?: boolean }[] = [
  { name: "plain", body: "QUJDRA==", among: ["ABCD"], clean: true },
  {
    name: "in lines with blanks at the end",
    body: "QUJD \r\nRA==\r\n\r\n",
    among: ["ABCD"],
    clean: true,
  },
  { name: "without padding", body: "QUJDRA", among: ["ABCD"] },
  { name: "with too much padding", body: "QUJDRA=====", among: ["ABCD"] },
  { name: "with padding inside", body: "QUI=Q0Q=", among: ["ABCD", "AB"] },
  { name: "with padding as zero", body: "QU=J", among: ["A@\x09"] },
  { name: "with other characters", body: "QU-JD*RA==", among: ["ABCD"] },
  { name: "that ends at another character", body: "QUJD!RA==", among: ["ABC", "ABCD"] },
  { name: "with a bad line before", body: "not base64 at all!\r\nQUJDRA==", among: ["ABCD"] },
  { name: "with spare bits", body: "QUJDRB==", among: ["ABCD"] },
  { name: "with each line padded", body: "QQ==\r\nQg==\r\n", among: ["AB", "A"] },
  { name: "empty", body: "", among: [""], clean: true },
];
for (const { name, body, among, clean } of base64) {
  Deno.test(`decodeBody() reads base64 ${name}`, { permissions: "none" }, () => {
    const found = decodings(body, "base64");
    for (const one of among) assert.ok(found.includes(one), JSON.stringify(found));
    assert.equal(decodeCleanBase64(Buffer.from(body)) !== undefined, clean ?? false);
    assert.equal(found.length === 1, clean ?? false);
  });
}

const quoted: { name: string; body: string; among: string[]; clean?: boolean }[] = [
  { name: "plain", body: "a=3D=\r\nb \r\nc", among: ["a=b\r\nc"], clean: true },
  { name: "an escaped blank at a line's end", body: "a=20\r\nb", among: ["a \r\nb"], clean: true },
  { name: "lower case", body: "=3d", among: ["=", "=3d"] },
  { name: "an escape that is none", body: "a=XYb", among: ["a=XYb", "aXYb", "ab", "a"] },
  { name: "blanks behind the soft break's =", body: "a= \r\nb", among: ["ab"] },
  { name: "a soft break of a bare CR", body: "a=\rb", among: ["ab", "a=\rb", "a"] },
  {
    name: "a soft break from a CR to the next LF",
    body: "a=\rjunk\r\nb=\r\r\nc",
    among: ["abc", "ajunk\r\nb\r\nc"],
  },
  { name: "an = behind another", body: "==41", among: ["=A", "=41"] },
  { name: "a soft break at the end", body: "a=", among: ["a"], clean: true },
  { name: "a soft break before a bare LF", body: "a=\nb", among: ["ab"], clean: true },
];
for (const { name, body, among, clean } of quoted) {
  Deno.test(`quotedPrintableReadings() reads ${name}`, { permissions: "none" }, () => {
    const found = [...quotedPrintableReadings(octets(body))].map((one) => latin1(one.octets));
    for (const one of among) assert.ok(found.includes(one), JSON.stringify(found));
    assert.equal(found.length === 1, clean ?? false, JSON.stringify(found));
  });
}

const values: { values: string[]; encodings: string[] }[] = [
  { values: [], encodings: ["identity"] },
  { values: ["8bit"], encodings: ["identity"] },
  { values: [" BASE64 "], encodings: ["base64"] },
  { values: ["base64", "7bit"], encodings: ["base64", "identity"] },
  { values: ["base64", "Base64"], encodings: ["base64"] },
  { values: ["base-64"], encodings: ["base64", "identity"] },
  { values: ["7bit, quoted-printable"], encodings: ["identity", "quoted-printable"] },
  { values: ["=?us-ascii?q?base64?="], encodings: ["base64", "identity"] },
  { values: ["x-uuencode"], encodings: ["uuencode", "identity"] },
  { values: ["foo"], encodings: ["identity"] },
];
for (const { values: given, encodings } of values) {
  Deno.test(`readEncodings() of ${JSON.stringify(given)}`, { permissions: "none" }, () => {
    assert.deepEqual([...readEncodings(given).encodings].sort(), [...encodings].sort());
  });
}

Deno.test("decodeBody() gives back what was encoded", { permissions: "none" }, () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(80), (raw, width) => {
    const body = Buffer.from(raw).toString("base64").replace(
      new RegExp(`.{${width + 1}}`, "g"),
      "$&\r\n",
    );
    assert.deepEqual(decodings(body, "base64"), [latin1(raw)]);
  }));
});

function uuencode(raw: Uint8Array): string {
  let out = "begin 644 a.bin\r\n";
  for (let at = 0; at < raw.length; at += 45) {
    const line = raw.subarray(at, at + 45);
    out += String.fromCharCode(32 + line.length);
    for (let i = 0; i < line.length; i += 3) {
      const bits = line[i]! << 16 | (line[i + 1] ?? 0) << 8 | (line[i + 2] ?? 0);
      for (const shift of [18, 12, 6, 0]) {
        out += String.fromCharCode((bits >> shift & 63) + 32).replace(" ", "`");
      }
    }
    out += "\r\n";
  }
  return `${out}\`\r\nend\r\n`;
}

function uuFiles(octets: Uint8Array, bareCr = false) {
  const { length: end } = octets;
  const walk = () => true;
  const barren = new Map<string, number>();
  return readUuencoded({ octets, end, throughBegin: false, bareCr, walk, barren }, 0);
}

Deno.test(
  "readUuencoded() gives back what was encoded, with its name",
  { permissions: "none" },
  () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (raw) => {
      const text = octets(uuencode(raw));
      const [file, ...others] = uuFiles(text);
      assert.ok(file !== undefined && others.length === 0);
      assert.equal(latin1(file.octets), latin1(raw));
      assert.equal(file.name, "a.bin");
      assert.equal(file.end, text.length);
      assert.equal(file.odd, false);
    }));
  },
);

Deno.test(
  "readUuencoded() takes text that begins with the word for text",
  { permissions: "none" },
  () => {
    const text = octets("begin with this\r\nand then go on.\r\n");
    assert.deepEqual(uuFiles(text), []);
  },
);

Deno.test("readBinhex() puts out no more than it may", { permissions: "none" }, () => {
  // A header of 22 octets (no name, a data fork of 2^31), then runs of 255.
  const raw = [0, 1, ...new Array(8).fill(63), 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < 3000; i++) raw.push(65, 0x90, 255);
  const alphabet = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
  let text = "(This file must be converted with BinHex 4.0)\r\n:";
  for (let i = 0; i + 2 < raw.length; i += 3) {
    const bits = raw[i]! << 16 | raw[i + 1]! << 8 | raw[i + 2]!;
    for (const shift of [18, 12, 6, 0]) text += alphabet[bits >> shift & 63];
  }
  const file = readBinhex(octets(`${text}:\r\n`), 0, text.length + 3, 10_000)!;
  assert.ok(file.octets.length > 9_000 && file.octets.length <= 10_000);
  assert.ok(file.octets.every((octet) => octet === 65));
});
