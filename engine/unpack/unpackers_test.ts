import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import type { NotScannedReason, ScanLimits } from "../types.ts";
import { makeTar, makeZip } from "./fixtures.ts";
import { gunzip, unzlib } from "./gzip.ts";
import { unmarkup } from "./html.ts";
import { unmbox } from "./mbox.ts";
import { concat } from "./octets.ts";
import { unole } from "./ole.ts";
import { unpdf } from "./pdf.ts";
import { unrtf } from "./rtf.ts";
import { untar } from "./tar.ts";
import { checkAnyOctets, corpusFiles, openAll } from "./testing/open.ts";
import { untext } from "./text_files.ts";
import { untnef } from "./tnef.ts";
import type { Entry, Unpacker } from "./unpacker.ts";
import { unzip } from "./zip.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (octets: Uint8Array | undefined) => new TextDecoder().decode(octets);

function open(unpacker: Unpacker, octets: Uint8Array, limits: Partial<ScanLimits> = {}) {
  return openAll(unpacker, octets, { limits, names: ["a.gz"] });
}

const told = (
  { names, content, encrypted, notScanned }: Entry,
) => [
  names[0] ?? "",
  content ? decode(content) : null,
  encrypted ? "encrypted" : "",
  notScanned ?? "",
];

const A = { name: "a.txt", content: encode("first first first first") };
const B = { name: "b.txt", content: encode("second") };

const zips: { name: string; zip: Uint8Array; want: unknown[]; notes?: NotScannedReason[] }[] = [
  {
    name: "deflated and stored members",
    zip: makeZip([A, { ...B, method: 0 }]),
    want: [["a.txt", decode(A.content), "", ""], ["b.txt", "second", "", ""]],
  },
  {
    name: "a member that the central directory hides",
    zip: makeZip([A, { ...B, hidden: true }]),
    want: [["a.txt", decode(A.content), "", ""], ["b.txt", "second", "", ""]],
  },
  {
    name: "an archive behind other octets",
    zip: concat([encode("MZ and more"), makeZip([A])]),
    want: [["a.txt", decode(A.content), "", ""]],
  },
  {
    name: "two archives in a row",
    zip: concat([makeZip([A]), makeZip([B])]),
    want: [["a.txt", decode(A.content), "", ""], ["b.txt", "second", "", ""]],
  },
  {
    name: "a wrong CRC: the content, and that it is not sound",
    zip: makeZip([{ ...A, crc: 1 }]),
    want: [["a.txt", decode(A.content), "", "malformed"]],
  },
  {
    name: "an encrypted member by its name alone",
    zip: makeZip([{ ...A, flags: 1, crc: 7 }]),
    want: [["a.txt", null, "encrypted", "encrypted"]],
  },
  {
    name: "a member that only says it is encrypted",
    zip: makeZip([{ ...A, flags: 1 }]),
    want: [["a.txt", decode(A.content), "", ""]],
  },
  {
    name: "a stored zip as one member, not as members of the outer one",
    zip: makeZip([{ name: "in.zip", content: makeZip([A, B]), method: 0 }]),
    want: [["in.zip", decode(makeZip([A, B])), "", ""]],
  },
  { name: "an archive with nothing in it", zip: makeZip([]), want: [] },
];
for (const { name, zip, want, notes = [] } of zips) {
  Deno.test(`unzip() gives ${name}`, () => {
    const found = open(unzip, zip);
    assert.deepEqual(found.entries.map(told), want);
    assert.deepEqual(found.notes, notes);
  });
}

Deno.test("unzip() of a zip without its directory still gives every member that is whole", () => {
  const zip = makeZip([A, B]);
  const local = zip.subarray(0, zip.lastIndexOf(0x50, zip.length - 23));
  for (let cut = 0; cut <= local.length; cut++) {
    for (const { content } of open(unzip, local.subarray(0, cut)).entries) {
      assert.ok([A.content, B.content].some((whole) => decode(whole).startsWith(decode(content))));
    }
  }
});

Deno.test("unzip() notes members that share one piece of data", () => {
  const one = makeZip([A]);
  // the same central header three times under three names
  const start = one.length - 22 - 51;
  const central = one.slice(start, start + 51);
  const named = ["x", "y", "z"].map((letter) => {
    const copy = central.slice();
    copy[46] = letter.charCodeAt(0);
    return copy;
  });
  const { notes } = open(unzip, concat([one.subarray(0, start), ...named, one.subarray(-22)]));
  assert.deepEqual(notes, ["malformed"]);
});

Deno.test("gunzip() gives members joined and alone, and what follows them", () => {
  const both = concat([gzipSync("one "), gzipSync("two"), encode("behind")]);
  assert.deepEqual(open(gunzip, both).entries.map(told), [
    ["a", "one two", "", ""],
    ["a", "one ", "", ""],
    ["a", "two", "", ""],
    ["", "behind", "", ""],
  ]);
});

Deno.test("gunzip() cut at any octet gives a beginning and says that it is cut", () => {
  const packed = Uint8Array.from(gzipSync("one two three ".repeat(20)));
  for (let cut = 0; cut < packed.length; cut++) {
    const { entries, notes } = open(gunzip, packed.subarray(0, cut));
    assert.deepEqual([...entries.map((entry) => entry.notScanned), ...notes], ["malformed"]);
  }
});

Deno.test("gunzip() takes the exact limit of octets and not one more", () => {
  const packed = Uint8Array.from(gzipSync(new Uint8Array(1000)));
  assert.deepEqual(open(gunzip, packed, { octets: 1000 }).breaches, []);
  assert.deepEqual(open(gunzip, packed, { octets: 999 }).breaches, ["octets"]);
});

Deno.test("gunzip() takes the exact ratio and not one octet more", () => {
  const size = 2 << 20;
  const packed = Uint8Array.from(gzipSync(new Uint8Array(size)));
  const exact = size / packed.length;
  assert.deepEqual(open(gunzip, packed, { ratio: exact }).breaches, []);
  assert.deepEqual(open(gunzip, packed, { ratio: (size - 1) / packed.length }).breaches, ["ratio"]);
});

Deno.test("untar() gives files, also behind an end mark and with a wrong checksum", () => {
  const tar = concat([makeTar([A]), makeTar([B])]);
  assert.deepEqual(open(untar, tar).entries.map(told), [
    ["a.txt", decode(A.content), "", ""],
    ["b.txt", "second", "", ""],
  ]);
  const wrong = makeTar([A]);
  wrong[148] = 0x37;
  assert.deepEqual(open(untar, wrong).entries.map(told), [["a.txt", decode(A.content), "", ""]]);
});

Deno.test("untar() says what is missing of a cut file", () => {
  const { entries } = open(untar, makeTar([A]).subarray(0, 512 + 5));
  assert.deepEqual(entries.map(told), [["a.txt", "first", "", "malformed"]]);
});

const PDF = encode(
  "%PDF-1.4\n1 0 obj <</Type/EmbeddedFile/Filter[/A#48x /AHx]/Length 26>>stream\n" +
    "37333635363337323635 3734>\nendstream endobj\n%%EOF",
);
const RTF = encode(
  "{\\rtf1{\\object{\\*\\objdata 01050000 02000000 08000000 5061636b61676500 00000000 00000000 2a000000" +
    " 0200 612e74787400 {\\x 43}433a5c612e74787400 00000300 09000000 433a5c612e74787400 06000000 736563726574}}}",
);
const MARKUP = encode(
  '<html><a href="data:application/zip;base64,UEsDBBQAAAAAAAAAIQAAAAAAAAAAAA==">x</a>' +
    "<p>&#104;&#105;&#100;&#100;&#101;&#110;&#32;&#x74;ext</p></html>",
);

Deno.test("unpdf() decodes embedded files through chained filters with escaped names", () => {
  assert.deepEqual(open(unpdf, PDF).entries.map(told), [["", "secret", "", ""]]);
});

Deno.test("unmarkup() gives data: URLs, and the text that is written in numbers", () => {
  const { entries } = open(unmarkup, MARKUP);
  assert.equal(entries.length, 2);
  assert.match(decode(entries[0]?.content), /<p>hidden text<\/p>/);
  assert.ok(decode(entries[1]?.content).startsWith("PK\x03\x04"));
});

Deno.test("unmbox() gives each message", () => {
  const mbox =
    "From a@b Mon Jan  1 00:00:00 2024\nSubject: 1\n\nx\n\nFrom c@d Mon Jan  1 00:00:00 2024\nSubject: 2\n\ny\n";
  assert.deepEqual(open(unmbox, encode(mbox)).entries.map((entry) => decode(entry.content)), [
    "Subject: 1\n\nx\n\n",
    "Subject: 2\n\ny\n",
  ]);
});

for (const end of ["\n", "\r\n", "\r"]) {
  Deno.test(`untext() goes over many begin lines without a file a few times: ${JSON.stringify(end)}`, () => {
    const { entries, breaches } = open(untext, encode(`begin 644 a${end}`.repeat(30_000)));
    assert.deepEqual([entries, breaches], [[], []]);
  });
}

const UNPACKERS = {
  unzip,
  gunzip,
  unzlib,
  untar,
  unmbox,
  untext,
  unpdf,
  unole,
  unrtf,
  untnef,
  unmarkup,
};
const seeds = [
  makeZip([A, { ...B, method: 0 }]),
  Uint8Array.from(gzipSync("text ".repeat(50))),
  makeTar([A, B]),
  encode("From a@b 2024\nSubject: x\n\nbegin 644 a\n#0V%T\n`\nend\n"),
  PDF,
  RTF,
  MARKUP,
  ...corpusFiles("files/made/pkg.doc", "files/made/winmail.dat", "files/made/enc-empty.pdf"),
];
for (const [name, unpacker] of Object.entries(UNPACKERS)) {
  Deno.test(`${name}() never throws and stays within its output, whatever the octets`, () =>
    checkAnyOctets(unpacker, seeds));
}
