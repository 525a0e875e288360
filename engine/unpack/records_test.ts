/** ALZ and EGG, WARC, SIS, and objects in presentations. */
import assert from "node:assert/strict";
import { deflateRawSync, deflateSync } from "node:zlib";
import { unalz } from "./alz.ts";
import { crc32 } from "./crc32.ts";
import { unlz4 } from "./lz4.ts";
import { concat } from "./octets.ts";
import { unole } from "./ole.ts";
import { unsis } from "./sis.ts";
import { makeOle } from "./testing/ole_writer.ts";
import {
  ascii,
  base64,
  checkAnyOctets,
  checkCuts,
  contentsOf,
  numbers,
  openAll,
} from "./testing/open.ts";
import { unwarc } from "./warc.ts";

const TEXT = "the same line again and again\n".repeat(20);
const PLAIN = ascii(TEXT);
const deflated = (octets: Uint8Array) => new Uint8Array(deflateRawSync(octets));
/** By `bzip2`. */
const BZIP2 = base64(
  "QlpoOTFBWSZTWRCt6AIAASvRgAAQQAAm5wwAIABwQDQAFKinqaMyeE0T6TJMCaE6E2TJNCbJ2TsThMCcJ0TJOCYJgmScJ6LuSKcKEgIVvQBA",
);

/** One file of an ALZ. @param width Octets that sizes have. */
function alzFile(
  name: string,
  { method, packed, width = 4, flags = 0 }: {
    readonly method: number;
    readonly packed: Uint8Array;
    readonly width?: number;
    readonly flags?: number;
  },
): Uint8Array {
  return concat([
    numbers([0x015a4c42, 4], [name.length, 2], [0x20, 1], [0, 4], [(width << 4) | flags, 1], [
      0,
      1,
    ]),
    numbers([method, 1], [0, 1], [crc32(PLAIN), 4], [packed.length, width], [PLAIN.length, width]),
    ascii(name),
    packed,
  ]);
}

const ALZ = concat([
  numbers([0x015a4c41, 4], [10, 4]),
  alzFile("stored.txt", { method: 0, packed: PLAIN, width: 2 }),
  alzFile("bzip2.txt", { method: 1, packed: BZIP2 }),
  alzFile("deflate.txt", { method: 2, packed: deflated(PLAIN), width: 8 }),
]);
const ALZ_END = numbers([0x015a4c43, 4], [0, 4], [0, 4], [0, 4], [0x025a4c43, 4]);

Deno.test("unalz() opens ALZ by each of its methods, and says what is missing at any cut", () => {
  const octets = concat([ALZ, ALZ_END]);
  const opened = openAll(unalz, octets);
  assert.deepEqual(opened.breaches, []);
  assert.deepEqual(contentsOf(opened), [
    ["stored.txt", TEXT],
    ["bzip2.txt", TEXT],
    ["deflate.txt", TEXT],
  ]);
  checkCuts(unalz, octets, { from: 8, whole: ALZ.length + 3 });
});

Deno.test("unalz() says that a file is encrypted, or packed in a way that it does not know", () => {
  const closed = alzFile("a", { method: 0, packed: concat([new Uint8Array(12), PLAIN]), flags: 1 });
  // the size does not count the twelve octets of the cipher
  closed.set(numbers([PLAIN.length, 4]), 19);
  const encrypted = openAll(unalz, concat([numbers([0x015a4c41, 4], [10, 4]), closed, ALZ_END]), {
    passwords: ["wrong"],
  });
  assert.deepEqual(encrypted.breaches, ["encrypted"]);
  assert.equal(encrypted.entries[0]?.encrypted, true);
  const odd = alzFile("a", { method: 3, packed: PLAIN });
  const unknown = openAll(unalz, concat([numbers([0x015a4c41, 4], [10, 4]), odd, ALZ_END]));
  assert.deepEqual(unknown.breaches, ["unsupported"]);
});

const EGG_END = numbers([0x08e28222, 4]);

function eggFile(name: string, size: number): Uint8Array {
  return concat([
    numbers([0x0a8590e3, 4], [1, 4], [size, 8], [0x0a8591ac, 4], [0, 1], [name.length, 2]),
    ascii(name),
    EGG_END,
  ]);
}

function eggBlock(method: number, packed: Uint8Array, plain: Uint8Array): Uint8Array {
  return concat([
    numbers([0x02b50c13, 4], [method, 1], [0, 1], [plain.length, 4], [packed.length, 4]),
    numbers([crc32(plain), 4]),
    EGG_END,
    packed,
  ]);
}

const EGG_HEAD = numbers([0x41474745, 4], [0x100, 2], [7, 4], [0, 4]);
const EGG = concat([
  EGG_HEAD,
  EGG_END,
  eggFile("two.txt", PLAIN.length * 2),
  eggBlock(0, PLAIN, PLAIN),
  eggBlock(1, deflated(PLAIN), PLAIN),
  eggFile("three.txt", PLAIN.length),
  eggBlock(2, BZIP2, PLAIN),
  EGG_END,
]);

Deno.test("unalz() opens EGG, whose files are of blocks, and says what is missing at any cut", () => {
  const opened = openAll(unalz, EGG);
  assert.deepEqual(opened.breaches, []);
  assert.deepEqual(contentsOf(opened), [["two.txt", TEXT + TEXT], ["three.txt", TEXT]]);
  checkCuts(unalz, EGG, { from: 4 });
});

Deno.test("unalz() divides what a solid EGG packed together", () => {
  const solid = concat([
    EGG_HEAD,
    numbers([0x24e5a060, 4], [0, 1], [0, 2]),
    EGG_END,
    eggFile("a.txt", 4),
    eggFile("b.txt", PLAIN.length - 4),
    eggBlock(1, deflated(PLAIN), PLAIN),
    EGG_END,
  ]);
  assert.deepEqual(contentsOf(openAll(unalz, solid)), [
    ["a.txt", TEXT.slice(0, 4)],
    ["b.txt", TEXT.slice(4)],
  ]);
});

function warcRecord(fields: string, body: string): string {
  return `WARC/1.0\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}\r\n\r\n`;
}

const ANSWER =
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfirs\r\n2;x=y\r\nt!\r\n0\r\n\r\n";
const WARC = ascii(
  warcRecord("WARC-Type: warcinfo\r\nContent-Type: application/warc-fields\r\n", "a: b\r\n") +
    warcRecord(
      "WARC-Target-URI: http://example.org/x/page.html?q=1/2\r\nContent-Type: application/http; msgtype=response\r\n",
      ANSWER,
    ) +
    warcRecord("WARC-Target-URI: file://second.txt\r\n", "second"),
);

Deno.test("unwarc() opens records, answers of servers without their headers and chunks", () => {
  const opened = openAll(unwarc, WARC);
  assert.deepEqual(opened.breaches, []);
  assert.deepEqual(contentsOf(opened), [["", "a: b\r\n"], ["page.html", "first!"], [
    "second.txt",
    "second",
  ]]);
});

Deno.test("unwarc() says what is missing of a record that is cut", () => {
  const last = new TextDecoder().decode(WARC).lastIndexOf("WARC/1.0");
  checkCuts(unwarc, WARC, { from: last + 1, whole: WARC.length - 4 });
});

/** An installation file for Symbian 6 with one file. */
function sis(packed: Uint8Array, options: number): Uint8Array {
  const name = concat(Array.from("!:\\a.exe", (c) => Uint8Array.of(c.charCodeAt(0), 0)));
  const files = 100;
  const data = files + 48 + name.length;
  return concat([
    numbers([0x101f0000, 4], [0x10003a12, 4], [0x10000419, 4], [0, 4], [0, 2], [1, 2], [1, 2]),
    numbers([0, 2], [0, 2], [0, 2], [0x21, 2], [0, 2], [200, 4], [options, 2], [0, 2], [1, 2]),
    numbers([0, 2], [0, 4], [files, 4], [files, 4], [0, 4], [0, 4], [0, 4]),
    new Uint8Array(files - 68),
    numbers([0, 4], [0, 4], [0, 4], [name.length, 4], [files + 48, 4], [0, 4], [0, 4]),
    numbers([packed.length, 4], [data, 4], [PLAIN.length, 4], [0, 4], [0, 4]),
    name,
    packed,
  ]);
}

const SIS = sis(new Uint8Array(deflateSync(PLAIN)), 1);
/** Packed data of Symbian 9, somewhere among other fields. */
const SISX = concat([
  numbers([0x10201a7a, 4], [0, 4], [0, 4], [0, 4]),
  numbers([12, 4], [4, 4], [0, 4]),
  numbers([3, 4], [deflateSync(PLAIN).length + 12, 4], [1, 4], [PLAIN.length, 8]),
  deflateSync(PLAIN),
]);

Deno.test("unsis() opens files for Symbian, packed and not, old and new", () => {
  for (const [octets, name] of [[SIS, "a.exe"], [sis(PLAIN, 9), "a.exe"], [SISX, ""]] as const) {
    const opened = openAll(unsis, octets);
    assert.deepEqual(opened.breaches, []);
    assert.deepEqual(contentsOf(opened), [[name, TEXT]]);
  }
  // the checksum of zlib is not asked for
  checkCuts(unsis, SIS, { from: 70, whole: SIS.length - 5 });
  checkCuts(unsis, SISX, { from: 28, whole: SISX.length - 5 });
});

/** A record of a presentation that holds an object. */
function object(instance: number, data: Uint8Array): Uint8Array {
  return concat([numbers([instance << 4, 2], [0x1011, 2], [data.length, 4]), data]);
}

Deno.test("unole() opens the objects in a presentation, packed and not", () => {
  const inner = makeOle([{ name: "a stream", octets: PLAIN }]);
  const packed = concat([numbers([inner.length, 4]), new Uint8Array(deflateSync(inner))]);
  const stream = concat([
    numbers([15, 2], [1000, 2], [4, 4], [0, 4]),
    object(1, packed),
    object(0, inner),
  ]);
  const { entries } = openAll(unole, makeOle([{ name: "PowerPoint Document", octets: stream }]));
  const objects = entries.filter(({ names }) => names[0] === "object");
  assert.deepEqual(objects.map(({ content }) => content), [inner, inner]);
});

for (
  const [name, unpacker, seeds] of [
    ["unalz", unalz, [concat([ALZ, ALZ_END]), EGG]],
    ["unwarc", unwarc, [WARC]],
    ["unsis", unsis, [SIS, SISX]],
    ["unlz4", unlz4, [Uint8Array.of(4, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0, 0, 0, 0, 0)]],
  ] as const
) {
  Deno.test(`${name}() never throws and stays within its output, whatever the octets`, () => {
    checkAnyOctets(unpacker, seeds);
  });
}
