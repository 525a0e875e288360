import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { makeTar, makeZip } from "../unpack/fixtures.ts";
import { FILE_TYPES, type FileType } from "../file_types.ts";
import { fileType, fileTypeGroup, furtherTypes } from "./file_type.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const file = (name: string) => ({ name, content: encode("x") });
function pe(): Uint8Array {
  const octets = new Uint8Array(256);
  octets.set(encode("MZ"));
  octets[60] = 128;
  octets.set(encode("PE"), 128);
  return octets;
}

const cases: { name: string; input: Uint8Array; want: FileType }[] = [
  { name: "nothing", input: new Uint8Array(0), want: "empty" },
  { name: "text", input: encode("Hello there,\nthis is text.\n"), want: "text" },
  { name: "8-bit text", input: encode("Grüße aus Köln, žlutý kůň"), want: "text" },
  { name: "other octets", input: Uint8Array.of(1, 0, 2, 0, 3), want: "binary" },
  { name: "a zip", input: makeZip([file("a.txt")]), want: "zip" },
  {
    name: "a Word document",
    input: makeZip([file("[Content_Types].xml"), file("word/document.xml")]),
    want: "ooxml",
  },
  {
    name: "a Java archive",
    input: makeZip([file("META-INF/MANIFEST.MF"), file("A.class")]),
    want: "jar",
  },
  {
    name: "an Android package",
    input: makeZip([file("AndroidManifest.xml"), file("classes.dex")]),
    want: "apk",
  },
  {
    name: "an OpenDocument file",
    input: makeZip([
      { name: "mimetype", content: encode("application/vnd.oasis.opendocument.text"), method: 0 },
      file("content.xml"),
    ]),
    want: "odf",
  },
  { name: "gzip", input: Uint8Array.from(gzipSync("x")), want: "gzip" },
  { name: "tar", input: makeTar([file("a")]), want: "tar" },
  { name: "a Windows program", input: pe(), want: "pe" },
  {
    name: "text that begins like a program",
    input: encode("MZ is how it starts, and so on"),
    want: "text",
  },
  { name: "PDF", input: encode("%PDF-1.4\n"), want: "pdf" },
  { name: "PDF behind other octets", input: encode("x".repeat(900) + "%PDF-1.4\n"), want: "pdf" },
  { name: "no PDF further behind", input: encode("x".repeat(1100) + "%PDF-1.4\n"), want: "text" },
  { name: "HTML", input: encode("\n <!DOCTYPE HTML><p>x"), want: "html" },
  {
    name: "HTML in UTF-16",
    input: Uint8Array.from([0xff, 0xfe, ...[...encode("<html>")].flatMap((o) => [o, 0])]),
    want: "html",
  },
  { name: "SVG", input: encode('<?xml version="1.0"?><svg xmlns="x">'), want: "svg" },
  { name: "XML", input: encode('<?xml version="1.0"?><a/>'), want: "xml" },
  { name: "a shell script", input: encode("#!/usr/bin/env -S bash -e\n"), want: "shell" },
  { name: "a Python script", input: encode("#! /usr/bin/python3\n"), want: "python" },
  { name: "an unknown script", input: encode("#!/opt/x\n"), want: "script" },
  {
    name: "a mail",
    input: encode("From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\n\r\nx"),
    want: "message",
  },
  {
    name: "an mbox",
    input: encode("From a@b Mon Jan  1 00:00:00 2024\nSubject: x\n\nx\n"),
    want: "mbox",
  },
  { name: "uuencoded text", input: encode("begin 644 a.com\n#0V%T\n`\nend\n"), want: "uuencode" },
];
for (const { name, input, want } of cases) {
  Deno.test(`fileType() knows ${name}`, { permissions: "none" }, () => {
    assert.equal(fileType(input), want);
  });
}

/** Zeros with texts at places. */
function placed(length: number, texts: Readonly<Record<number, string>>): Uint8Array {
  const octets = new Uint8Array(length);
  for (const [at, text] of Object.entries(texts)) octets.set(encode(text), Number(at));
  return octets;
}

const MAIL = "From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\n\r\n";
const further: { name: string; input: Uint8Array; type: FileType; want: readonly FileType[] }[] = [
  { name: "a picture", input: placed(40_000, { 0: "GIF89a" }), type: "gif", want: [] },
  { name: "a zip", input: makeZip([file("a.txt")]), type: "zip", want: [] },
  { name: "text", input: encode("hello"), type: "text", want: [] },
  { name: "a mail", input: encode(`${MAIL}<html>`), type: "html", want: ["message"] },
  {
    name: "a picture and a tar",
    input: makeTar([file("GIF89a.txt")]),
    type: "gif",
    want: ["tar"],
  },
  {
    name: "a picture and images of discs",
    input: placed(40_000, { 0: "GIF89a", 32769: "CD001", 1024: "H+\0\x04" }),
    type: "gif",
    want: ["iso", "hfs"],
  },
  {
    name: "a picture and the image of a disk with a footer",
    input: placed(1024, { 0: "GIF89a", 512: "koly" }),
    type: "gif",
    want: ["dmg"],
  },
  {
    name: "a picture and PDF",
    input: encode("GIF89a".padEnd(1000) + "%PDF-1.4"),
    type: "gif",
    want: ["pdf"],
  },
  { name: "a picture and a page", input: encode("GIF89a<HTML>"), type: "gif", want: ["html"] },
  {
    name: "a page and a uuencoded file",
    input: encode("<html>\nbegin 644 a\n#0V%T\n`\nend\n"),
    type: "html",
    want: ["uuencode"],
  },
  {
    name: "a page behind the delimiter of a mail",
    input: encode("--b\r\nContent-Type: text/html\r\n\r\n<html>"),
    type: "html",
    want: [],
  },
];
for (const { name, input, type, want } of further) {
  Deno.test(`furtherTypes() of ${name}`, { permissions: "none" }, () => {
    assert.equal(fileType(input), type);
    assert.deepEqual(furtherTypes(input, type), want);
  });
}

Deno.test(
  "furtherTypes() knows the image of a disk by its partitions",
  { permissions: "none" },
  () => {
    const octets = placed(1024, { 0: "GIF89a", 450: "\x06" });
    octets.set([0x55, 0xaa], 510);
    assert.deepEqual(furtherTypes(octets, "gif"), ["fat"]);
    octets[446] = 1; // neither active nor not
    assert.deepEqual(furtherTypes(octets, "gif"), []);
  },
);

Deno.test("fileType() gives one of FILE_TYPES for any octets, at any cut", () => {
  const all: readonly string[] = Object.values(FILE_TYPES).flat();
  const seeds = cases.map(({ input }) => input).filter((input) => input.length > 0);
  const cut = fc.tuple(fc.constantFrom(...seeds), fc.nat()).map(([o, n]) =>
    o.subarray(0, n % o.length)
  );
  fc.assert(fc.property(fc.oneof(cut, fc.uint8Array({ maxLength: 2000 })), (octets) => {
    const type = fileType(octets);
    assert.ok(all.includes(type));
    assert.ok(fileTypeGroup(type));
  }));
});
