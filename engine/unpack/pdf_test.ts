/** PDF as hostile writers make it and readers open it. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { deflateRawSync, deflateSync } from "node:zlib";
import { inTime } from "../../tests/in_time.ts";
import { unpdf } from "./pdf.ts";
import { undoPredictor } from "./pdf_predictor.ts";
import { rc4 } from "./rc4.ts";
import { checkAnyOctets, openAll } from "./testing/open.ts";

const none = { permissions: "none" } as const;
const SECRET = "this is what the attachment holds";
const PACKED = deflateSync(SECRET).toString("latin1");
const hexOf = (text: string) => `${Buffer.from(text, "latin1").toString("hex")}>`;
const times = (count: number, change: (text: string) => string, text: string): string =>
  count === 0 ? text : times(count - 1, change, change(text));

interface Sample {
  /** Behind the type in the stream's dictionary. */
  readonly filter?: string;
  readonly data?: string;
  /** In place of the length. */
  readonly length?: string;
  /** Other objects, and what stands before. */
  readonly before?: string;
  readonly behind?: string;
  readonly type?: string;
  readonly word?: string;
}

/** A document with one attached file. */
function pdf(
  {
    filter = "/Filter/FlateDecode",
    data = PACKED,
    length = `/Length ${data.length}`,
    before = "",
    behind = "",
    type = "/Type/EmbeddedFile",
    word = "stream\n",
  }: Sample,
): Uint8Array {
  const text =
    "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Names<</EmbeddedFiles<</Names[(a)4 0 R]>>>>>>\n" +
    "endobj\n4 0 obj\n<</Type/Filespec/F(a)/EF<</F 5 0 R>>>>\nendobj\n" +
    `${before}5 0 obj\n<<${type}${filter}${length}>>\n${word}${data}\nendstream\nendobj\n` +
    `${behind}trailer<</Root 1 0 R>>\n%%EOF\n`;
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** An object stream that holds object 7. */
const packedObject = (value: string) =>
  `9 0 obj<</Type/ObjStm/N 1/First 4/Length ${4 + value.length}>>stream\n7 0 ${value}\n` +
  "endstream endobj\n";
const png = (text: string) =>
  "\x01" +
  Array.from(text, (letter, i) =>
    String.fromCharCode((letter.charCodeAt(0) - (i > 0 ? text.charCodeAt(i - 1) : 0)) & 255)).join(
      "",
    );
const predicted = deflateSync(Buffer.from(png(SECRET), "latin1")).toString("latin1");
const form = `<</Predictor 15/Columns ${SECRET.length}>>`;
const stored = (() => {
  const text = Buffer.from(`endstream endobj ${SECRET}`);
  return Buffer.concat([
    Buffer.from([0x78, 1, 1, text.length, 0, 255 - text.length, 255]),
    text,
  ]).toString("latin1");
})();

const rows: { name: string; sample: Sample }[] = [
  { name: "a filter", sample: {} },
  {
    name: "a filter behind an inner /F",
    sample: { filter: "/Params<</F/DCTDecode>>/Filter/FlateDecode" },
  },
  { name: "a filter beside its short form", sample: { filter: "/F/DCTDecode/Filter/FlateDecode" } },
  { name: "the short form of a filter", sample: { filter: "/F/Fl" } },
  { name: "the first of two filters", sample: { filter: "/Filter/FlateDecode/Filter/DCTDecode" } },
  { name: "the last of two filters", sample: { filter: "/Filter/DCTDecode/Filter/FlateDecode" } },
  { name: "escapes in keys", sample: { filter: "/F#69lter/Flate#44ecode" } },
  { name: "comments in the dictionary", sample: { filter: "/Filter%/DCTDecode>>\n/FlateDecode" } },
  { name: "a NUL as white space", sample: { filter: "/Filter\0/FlateDecode" } },
  { name: "strings that look like ends", sample: { filter: "/A(>>stream\n)/Filter/FlateDecode" } },
  { name: "a hex string before the filter", sample: { filter: "/A<3e3e>/Filter/FlateDecode" } },
  {
    name: "a dictionary that is longer than others",
    sample: { filter: `/Filter/FlateDecode/A(${"x".repeat(20_000)})` },
  },
  { name: "a stream behind the word in a comment", sample: { before: "% stream\n" } },
  {
    name: "an object in the data of another stream",
    sample: { before: "8 0 obj<</Filter/FlateDecode>>stream\nx" },
  },
  {
    name: "an object whose numbers have comments between",
    sample: { filter: "/Filter 7 0 R", behind: "7%\n0%\nobj/FlateDecode endobj " },
  },
  { name: "a dictionary that is not closed", sample: { filter: "/A[/Filter/FlateDecode" } },
  {
    name: "an indirect filter",
    sample: {
      filter: "/Filter 7 0 R",
      data: hexOf(PACKED),
      behind: "7 0 obj[/AHx/FlateDecode]endobj ",
    },
  },
  {
    name: "indirect filters in an array",
    sample: { filter: "/Filter[7 0 R]", behind: "7 0 obj/FlateDecode endobj " },
  },
  {
    name: "a filter in an object stream",
    sample: { filter: "/Filter 7 0 R", behind: packedObject("/FlateDecode") },
  },
  {
    name: "a filter that was something else before",
    sample: { filter: "/Filter 7 0 R", behind: "7 0 obj/Fl endobj 7 0 obj/DCTDecode endobj " },
  },
  {
    name: "ten filters",
    sample: {
      filter: `/Filter[${"/ASCIIHexDecode".repeat(9)}/FlateDecode]`,
      data: times(9, hexOf, PACKED),
    },
  },
  {
    name: "an indirect length",
    sample: { data: stored, length: "/Length 7 0 R", behind: `7 0 obj ${stored.length} endobj ` },
  },
  {
    name: "a length in an object stream",
    sample: { data: stored, length: "/Length 7 0 R", behind: packedObject(`${stored.length}`) },
  },
  {
    name: "a length that no end mark confirms",
    sample: { data: `${stored}\nendobj\n`, length: `/Length ${stored.length}` },
  },
  { name: "other text behind the word", sample: { word: "stream %\n" } },
  { name: "a PNG predictor", sample: { filter: `/Filter/Fl/DecodeParms${form}`, data: predicted } },
  {
    name: "parameters by their short name",
    sample: { filter: `/F/Fl/DP${form}`, data: predicted },
  },
  {
    name: "parameters in an array",
    sample: {
      filter: `/Filter[/AHx/Fl]/DecodeParms[null ${form}]`,
      data: hexOf(predicted),
    },
  },
  {
    name: "indirect parameters",
    sample: {
      filter: "/Filter/Fl/DecodeParms 7 0 R",
      data: predicted,
      behind: `7 0 obj<</Predictor 8 0 R/Columns ${SECRET.length}>>endobj 8 0 obj 15 endobj `,
    },
  },
  {
    name: "base 85 with a mark in front",
    sample: { filter: "/Filter/A85", data: `<~${a85(SECRET)}` },
  },
  { name: "base 85", sample: { filter: "/Filter/A85", data: a85(SECRET) } },
  {
    name: "run lengths",
    sample: {
      filter: "/Filter[/RL/Fl]",
      data: `${String.fromCharCode(PACKED.length - 1)}${PACKED}\x80`,
    },
  },
  { name: "LZW", sample: { filter: "/Filter/LZW", data: lzw(SECRET) } },
];

/** Ends with its mark. */
function a85(text: string): string {
  let output = "";
  const octets = Buffer.from(text);
  for (let at = 0; at < octets.length; at += 4) {
    const part = octets.subarray(at, at + 4);
    let value = Buffer.concat([part, Buffer.alloc(4 - part.length)]).readUInt32BE();
    let digits = "";
    for (let i = 0; i < 5; i++, value = Math.floor(value / 85)) {
      digits = String.fromCharCode(value % 85 + 33) + digits;
    }
    output += digits.slice(0, part.length + 1);
  }
  return `${output}~>`;
}

/** Codes of single octets in the widths that a reader is at, so that all widths occur. */
function lzw(text: string, early = 1): string {
  let bits = "";
  let next = 257;
  const put = (code: number) => {
    const codes = next + early;
    const width = codes >= 2048 ? 12 : codes >= 1024 ? 11 : codes >= 512 ? 10 : 9;
    bits += code.toString(2).padStart(width, "0");
    if (next < 4096) next++;
  };
  bits += (256).toString(2);
  for (const octet of Buffer.from(text)) put(octet);
  put(257);
  return (bits.match(/.{1,8}/g) ?? []).map((octet) =>
    String.fromCharCode(parseInt(octet.padEnd(8, "0"), 2))
  ).join("");
}

const texts = (octets: Uint8Array) =>
  openAll(unpdf, octets).entries.map(({ content }) => Buffer.from(content ?? []).toString());

for (const { name, sample } of rows) {
  Deno.test(`unpdf() gives the file in a document with ${name}`, none, () => {
    const found = openAll(unpdf, pdf(sample));
    const files = texts(pdf(sample));
    assert.ok(files.some((file) => file.endsWith(SECRET)), JSON.stringify(files));
    assert.deepEqual(found.notes, []);
  });
}

Deno.test("unpdf() reads LZW of all widths, whether they grow early or late", none, () => {
  const long = SECRET.repeat(200);
  const late = "/Filter/LZWDecode/DecodeParms<</EarlyChange 0>>";
  assert.ok(texts(pdf({ filter: "/Filter/LZWDecode", data: lzw(long) })).includes(long));
  assert.ok(texts(pdf({ filter: late, data: lzw(long, 0) })).includes(long));
});

/** A key of 40 bits for the empty password (revision 2), or for another one; all strings are hex. */
function encryption(word: string, password = "") {
  const hex = (octets: Uint8Array) => `<${Buffer.from(octets).toString("hex")}>`;
  const filling = Buffer.from(
    "28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a",
    "hex",
  );
  const padded = Buffer.concat([Buffer.from(password), filling]).subarray(0, 32);
  const owner = Buffer.alloc(32, word);
  const permissions = Buffer.from([252, 255, 255, 255]);
  const hashed = createHash("md5").update(Buffer.concat([padded, owner, permissions])).digest();
  const key = hashed.subarray(0, 5);
  const object = createHash("md5").update(Buffer.concat([key, Buffer.from([5, 0, 0, 0, 0])]));
  return {
    dictionary: `<</Filter/Standard/V 1/R 2/P -4/O ${hex(owner)}/U ${
      hex(rc4(key, Uint8Array.from(filling)))
    }>>`,
    data: Buffer.from(rc4(object.digest().subarray(0, 10), Buffer.from(PACKED, "latin1")))
      .toString("latin1"),
  };
}

const [own, decoy, closed] = [
  encryption("own"),
  encryption("decoy"),
  encryption("closed", "other"),
];
const ciphers: { name: string; sample: Sample; breaches?: readonly string[] }[] = [
  {
    name: "encryption",
    sample: { data: own.data, behind: `trailer<</Encrypt ${own.dictionary}>>` },
  },
  {
    name: "an encryption with escapes in its keys",
    sample: {
      data: own.data,
      behind: `trailer<</Encr#79pt ${own.dictionary.replace("/V", "/#56")}>>`,
    },
  },
  {
    name: "an encryption with comments in it",
    sample: {
      data: own.data,
      behind: `10 0 obj%\n${own.dictionary.replace("Filter", "Filter%\n")}endobj ` +
        "trailer<</Encrypt%\n10%\n0 R>>",
    },
  },
  {
    name: "an encryption that is not its own",
    sample: { before: `%/Encrypt ${decoy.dictionary}\n` },
  },
  {
    name: "two encryptions, of which the second is its own",
    sample: {
      data: own.data,
      before: `%/Encrypt ${decoy.dictionary}\n`,
      behind: `trailer<</Encrypt ${own.dictionary}>>`,
    },
  },
  {
    name: "an encryption in a comment that no password opens",
    sample: { before: `%/Encrypt ${closed.dictionary}\n` },
    breaches: ["encrypted"],
  },
];
for (const { name, sample, breaches = [] } of ciphers) {
  Deno.test(`unpdf() gives the file in a document with ${name}`, none, () => {
    assert.ok(texts(pdf(sample)).includes(SECRET));
    assert.deepEqual(openAll(unpdf, pdf(sample)).breaches, breaches);
  });
}

Deno.test("unpdf() says that one of two encryptions is not opened", none, () => {
  const behind = `trailer<</Encrypt ${closed.dictionary}>>`;
  const document = pdf({ data: closed.data, before: `%/Encrypt ${decoy.dictionary}\n`, behind });
  assert.deepEqual(openAll(unpdf, document).breaches, ["encrypted"]);
});

const unread: { name: string; sample: Sample; want: readonly string[] }[] = [
  { name: "an unknown filter", sample: { filter: "/Filter/Other" }, want: ["unsupported"] },
  {
    name: "an unknown filter of what does not say that it is a file",
    sample: { type: "", filter: "/Filter/Other" },
    want: ["unsupported"],
  },
  { name: "a picture's filter", sample: { filter: "/Filter/CCF" }, want: ["unsupported"] },
  {
    name: "a picture's filter of what only its name tree calls a file",
    sample: { type: "", filter: "/Filter/CCITTFaxDecode" },
    want: ["unsupported"],
  },
  {
    name: "more filters than are undone",
    sample: { filter: `/Filter[${"/AHx".repeat(65)}]`, data: "00>" },
    want: ["malformed"],
  },
  { name: "a filter that is not there", sample: { filter: "/Filter 7 0 R" }, want: ["malformed"] },
];
for (const { name, sample, want } of unread) {
  Deno.test(`unpdf() says that a file is not read for ${name}`, none, () => {
    assert.deepEqual(openAll(unpdf, pdf(sample)).breaches, want);
  });
}

Deno.test("unpdf() says nothing of pictures", none, () => {
  const before = ["/DCTDecode", "[/FlateDecode/JPXDecode]", "/CCF", "[/JBIG2Decode]"].map((
    filter,
    i,
  ) => `${20 + i} 0 obj<</Subtype/Image/Filter${filter}/Length 1>>stream\nx\nendstream endobj\n`);
  assert.deepEqual(openAll(unpdf, pdf({ before: before.join("") })).breaches, []);
});

const repeated = (piece: string) =>
  Buffer.from(`%PDF-1.4\n${piece.repeat(Math.ceil(2_400_000 / piece.length))}`, "latin1");
const costly: { name: string; octets: Uint8Array }[] = [
  { name: "words that are no objects", octets: repeated(`${"obj ".repeat(50)}stream endstream `) },
  { name: "objects in objects", octets: repeated("1 0 obj<<") },
  { name: "strings in strings", octets: repeated("1 0 obj<<(") },
  { name: "comments that do not end", octets: repeated("1 0 obj%") },
  { name: "streams in streams", octets: repeated("1 0 obj<</Filter/AHx>>stream\n") },
  { name: "streams on one line", octets: repeated("1 0 obj<</Filter/AHx>>stream x") },
  { name: "streams without objects", octets: repeated("/Filter/AHx stream\n") },
  { name: "names without ends", octets: repeated("/F(/F") },
  {
    name: "lengths that are far too long",
    octets: repeated("1 0 obj<</Filter/AHx/Length 2000000>>stream\nendstream "),
  },
  {
    name: "references in a ring",
    octets: repeated("1 0 obj 1 0 R 2 0 obj<</Filter 1 0 R>>stream\n"),
  },
  { name: "many values", octets: repeated("/Filter/AHx") },
  { name: "files that are named", octets: repeated("/EF<</F 1 0 R") },
];
for (const { name, octets } of costly) {
  Deno.test(`unpdf() takes little time for ${name}`, none, () => {
    inTime(3000, () => openAll(unpdf, new Uint8Array(octets)));
  });
}

Deno.test("undoPredictor() undoes each of PNG's filters", none, () => {
  const rows = [[0, 1, 2, 3], [1, 1, 2, 3], [2, 1, 2, 3], [3, 1, 2, 3], [4, 1, 2, 3], [1, 9]];
  const plain = undoPredictor(Uint8Array.from(rows.flat()), {
    ...{ predictor: 10, colors: 1, bitsPerComponent: 8, columns: 3 },
  });
  assert.deepEqual([...plain], [
    ...[1, 2, 3],
    ...[1, 3, 6],
    ...[2, 5, 9],
    ...[2, 5, 10],
    ...[3, 7, 13],
    9,
  ]);
});

Deno.test("undoPredictor() undoes TIFF's differences of any width", none, () => {
  const undone = (octets: readonly number[], bitsPerComponent: number, columns: number) => [
    ...undoPredictor(Uint8Array.from(octets), {
      predictor: 2,
      colors: 1,
      bitsPerComponent,
      columns,
    }),
  ];
  assert.deepEqual(undone([1, 1, 1, 5, 1], 8, 3), [1, 2, 3, 5, 6]);
  assert.deepEqual(undone([0, 255, 0, 2], 16, 2), [0, 255, 1, 1]);
  assert.deepEqual(undone([0b0001_0001, 0b0001_0001], 4, 2), [0x12, 0x12]);
  assert.deepEqual(undone([0b1100_0001], 1, 8), [0b1000_0001]);
});

Deno.test("unpdf() never throws and stays within its output, whatever the octets", none, () => {
  checkAnyOctets(unpdf, rows.map(({ sample }) => pdf(sample)));
});

Deno.test("unpdf() reads deflate without its header", none, () => {
  assert.ok(texts(pdf({ data: deflateRawSync(SECRET).toString("latin1") })).includes(SECRET));
});
