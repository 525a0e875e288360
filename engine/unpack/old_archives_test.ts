/** ARC, zoo and lzop: what their programs wrote, and what tests make where there is no program any more. */
import assert from "node:assert/strict";
import { loadSevenZip } from "../scanner/sevenzip_file.ts";
import { EICAR } from "../detect/eicar.ts";
import { unarc } from "./arc.ts";
import { unarj } from "./arj.ts";
import { crc16 } from "./crc16.ts";
import { crc32 } from "./crc32.ts";
import { unlzh } from "./lha.ts";
import { unlzop } from "./lzop.ts";
import { concat } from "./octets.ts";
import {
  ascii,
  base64,
  checkAnyOctets,
  checkCuts,
  contentsOf,
  hex,
  numbers,
  openAll,
} from "./testing/open.ts";
import { unzoo } from "./zoo.ts";

const TEXT = Array.from({ length: 12 }, (_, i) => `line ${i} of a text that repeats itself\r\n`)
  .join("") + `\x90${"a".repeat(26)}\0\0\0\0end`;

/** By `arc a`. */
const CRUNCHED = base64(
  "GghzLnR4dAAAAAAAAAAAzgAAAHZdq2pL3ewBAAAMbNK4KQMCBog3ZkCEAUGnDB46DNGEgSinDJwyE+eASENnThk2ZhooCDgQRIyDCRc2fBhxIoiKFzNu7Pgx5EiBBGWgVMjQIUQ6EilaxNhxpkeQIkkSnLFTpc+WQmMW5XjUplIQNJr2ZAnUJUyiGqnWTIoTRA2tK38GfTlUplikN0vaQPu0a1SwRsfGJXiDLte1X93ShHsVh1+1XttOHWy1bI7DUNlKDcuYbMkYBhHyTBs58OKqlgnGOKnZ6d/Ek/PChQQgDCQNACARKOOGDBoA",
);
/** By `arc aq`. */
const SQUASHED = base64(
  "GglzLnR4dAAAAAAAAAAA0QAAAHZdq2pL3ewBAABs0rgpAwIGiDdmQIQBQacMHjoM0YSBKKcMnDIT54BIQ2dOGTZmGigIOBBEjIMJFzZ8GHEiiIoXM27s+DHkSIEEZaBUyNAhRDoSKVrE2HGmR5AiSRKcsVOlz5ZCYxbleNSmUhA0mvZkCdQlTKIaqdZMihNEDa0rfwZ9OVSmWKQ3S9pA+7RrVLBGx8YleIMu17Vf3dKEexWHX7Ve204dbLVsjsNQ2UoNy5hsyRgGEfJMGznw4qqWCcY4qdnp38ST88KFFKa169ewY8MGQBtAGTdkABoA",
);
/** By `lzop -9`. */
const LZO = base64(
  "iUxaTwANChoKEEAgoAlAAwkDAAABAACBpGsC7FMAAAAABXMudHh0UkoGQQAAAewAAABrxjSnujdsaW5lIDAgb2YgYSB0ZXh0IHRoYXQgcmVwZWF0cyBpdHNlbGYNCpUEMSAElQAyIASVADMgBJUANCAElQA1IASVADYgBJUANyAElQA4IASVADkgBVQFIAbwBT/2BZBhNwEAAEMAZW5kEQAAAAAAAA==",
);

/** A file of ARC. */
function arcFile(name: string, method: number, packed: Uint8Array, plain: Uint8Array): Uint8Array {
  const field = concat([ascii(name), new Uint8Array(13 - name.length)]);
  return concat([
    Uint8Array.of(0x1a, method),
    field,
    numbers([packed.length, 4], [0, 4], [crc16(plain), 2], [plain.length, 4]),
    packed,
  ]);
}

const END = Uint8Array.of(0x1a, 0);

/** Huffman's codes as ARC has them: here a tree that is one branch, each octet one step deeper. */
function squeezed(octets: Uint8Array): Uint8Array {
  const symbols = [...new Set(octets), 256];
  const branches: number[] = [];
  for (let i = 0; i < symbols.length - 1; i++) {
    const isLast = i === symbols.length - 2;
    const right = isLast ? -(symbols[i + 1] ?? 0) - 1 : i + 1;
    branches.push(-(symbols[i] ?? 0) - 1, right);
  }
  const bits = [...octets, 256].flatMap((value) => {
    const depth = symbols.indexOf(value);
    const isLast = depth === symbols.length - 1;
    return [...Array<number>(depth).fill(1), ...(isLast ? [] : [0])];
  });
  const body = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => body[i >> 3] = (body[i >> 3] ?? 0) | (bit << (i & 7)));
  const nodes = branches.map((value): [number, number] => [value & 0xffff, 2]);
  return concat([numbers([symbols.length - 1, 2], ...nodes), body]);
}

/** `aaaa\x90b`, in run lengths. */
const RUNS = { packed: hex("61 90 04 90 00 62"), plain: ascii("aaaa\x90b") };

const arcs: Readonly<Record<string, readonly [Uint8Array, string]>> = {
  crunched: [CRUNCHED, TEXT],
  squashed: [SQUASHED, TEXT],
  stored: [concat([arcFile("s.txt", 2, ascii("plain"), ascii("plain")), END]), "plain"],
  packed: [concat([arcFile("s.txt", 3, RUNS.packed, RUNS.plain), END]), "aaaa\x90b"],
  squeezed: [concat([arcFile("s.txt", 4, squeezed(RUNS.packed), RUNS.plain), END]), "aaaa\x90b"],
};
for (const [method, [octets, text]] of Object.entries(arcs)) {
  Deno.test(`unarc() opens what is ${method}, and says what is missing at any cut`, () => {
    const opened = openAll(unarc, octets);
    assert.deepEqual(contentsOf(opened), [["s.txt", text]]);
    assert.deepEqual(opened.breaches, []);
    checkCuts(unarc, octets);
  });
}

Deno.test("unarc() says that a checksum is wrong, and what it does not know", () => {
  const wrong = CRUNCHED.slice();
  wrong[23] = 0;
  assert.deepEqual(openAll(unarc, wrong).breaches, ["malformed"]);
  const newer = concat([arcFile("a", 7, ascii("x"), ascii("x")), END]);
  assert.deepEqual(openAll(unarc, newer).breaches, ["unsupported"]);
});

Deno.test("unlzop() opens what lzop wrote, and says what is missing at any cut", () => {
  const opened = openAll(unlzop, LZO);
  assert.deepEqual(contentsOf(opened), [["s.txt", TEXT]]);
  assert.deepEqual(opened.breaches, []);
  checkCuts(unlzop, LZO, { from: 9 });
  const twice = openAll(unlzop, concat([LZO, LZO]));
  assert.equal(twice.entries.length, 2);
});

/** LZW with codes of 9 bits on, least significant first, as zoo has it. */
function lzw(octets: Uint8Array): Uint8Array {
  const table = new Map<string, number>();
  const bits: number[] = [];
  let next = 258;
  let width = 9;
  let known = "";
  const put = (text: string, code?: number) => {
    const value = code ?? table.get(text) ?? text.charCodeAt(0);
    for (let i = 0; i < width; i++) bits.push((value >> i) & 1);
  };
  put("", 256);
  for (const octet of octets) {
    const longer = known + String.fromCharCode(octet);
    if (longer.length === 1 || table.has(longer)) {
      known = longer;
      continue;
    }
    put(known);
    table.set(longer, next++);
    // the reader is one entry behind
    if (next > 1 << width && width < 13) width++;
    known = String.fromCharCode(octet);
  }
  put(known);
  if (next + 1 > 1 << width && width < 13) width++;
  put("", 257);
  const packed = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => packed[i >> 3] = (packed[i >> 3] ?? 0) | (bit << (i & 7)));
  return packed;
}

interface ZooFile {
  readonly name: string;
  readonly method: number;
  readonly packed: Uint8Array;
  readonly plain: Uint8Array;
}

/** A zoo of old entries, each in front of its data. */
function zoo(files: readonly ZooFile[]): Uint8Array {
  const head = concat([
    ascii("ZOO 2.10 Archive.\x1a\0\0"),
    numbers([0xfdc4a7dc, 4], [34, 4], [-34 >>> 0, 4], [2, 1], [0, 1]),
  ]);
  const pieces = [head];
  let at = head.length;
  for (
    const { name, method, packed, plain } of [
      ...files,
      { name: "", method: 0, packed: new Uint8Array(0), plain: new Uint8Array(0) },
    ]
  ) {
    const entry = new Uint8Array(51);
    const next = name === "" ? 0 : at + 51 + packed.length;
    entry.set(numbers(
      [0xfdc4a7dc, 4],
      [1, 1],
      [method, 1],
      [next, 4],
      [name === "" ? 0 : at + 51, 4],
      [0, 4],
      [crc16(plain), 2],
      [plain.length, 4],
      [packed.length, 4],
      [2, 1],
      [0, 1],
    ));
    entry.set(ascii(name), 38);
    pieces.push(entry, packed);
    at += 51 + packed.length;
  }
  return concat(pieces);
}

const LONG = ascii(TEXT.repeat(40));
/** The test file by LHA, method 5, without its header. */
const LH5 = {
  name: "lh5.com",
  method: 2,
  packed: hex(
    "00 44 4a 93 69 1f bc 1a 82 84 d1 b8 d4 79 6c 2b 0e 08 6c 2e a1 2a 2f 05 40 18 7f 0a 36 6a " +
      "27 e3 bd 3e f0 f7 64 7f 36 11 8b 61 fa e6 51 1b 05 d0 6b 21 b4 80 6a 85 d1 5b 9b 82 4e e8 " +
      "1b 16 f3 52 e9 a5 33",
  ),
  plain: ascii(EICAR),
};
const ZOO = zoo([
  { name: "plain.txt", method: 0, packed: ascii("plain"), plain: ascii("plain") },
  { name: "lzw.txt", method: 1, packed: lzw(LONG), plain: LONG },
  LH5,
]);

Deno.test("unzoo() opens stored files, LZW and LH5", () => {
  const opened = openAll(unzoo, ZOO, { tools: { sevenZip: loadSevenZip() } });
  assert.deepEqual(opened.breaches, []);
  assert.deepEqual(contentsOf(opened), [
    ["plain.txt", "plain"],
    ["lzw.txt", TEXT.repeat(40)],
    ["lh5.com", new TextDecoder("latin1").decode(LH5.plain)],
  ]);
});

Deno.test("unzoo() says what is missing at any cut, and does not run in circles", () => {
  checkCuts(unzoo, ZOO.subarray(0, ZOO.length - LH5.packed.length - 102), { from: 24, step: 7 });
  const circle = ZOO.slice();
  circle.set(numbers([34, 4]), 34 + 6);
  assert.deepEqual(openAll(unzoo, circle).breaches, ["malformed"]);
});

/** An LHA archive of level 3: fields of four octets, and the name in an extension behind its folder's. */
const LHA = (() => {
  const extensions = concat([
    numbers([9, 4], [2, 1]),
    ascii("dir\xff"),
    numbers([12, 4], [1, 1]),
    ascii("lh5.com"),
    numbers([0, 4]),
  ]);
  const header = concat([
    numbers([4, 2]),
    ascii("-lh5-"),
    numbers([LH5.packed.length, 4], [LH5.plain.length, 4], [0, 4], [0x20, 1], [3, 1]),
    numbers([crc16(LH5.plain), 2], [0x55, 1], [28 + extensions.length, 4]),
    extensions,
  ]);
  return concat([header, LH5.packed, Uint8Array.of(0)]);
})();

Deno.test("unlzh() opens archives whose headers are of level 3, and says what is missing at any cut", () => {
  const tools = { sevenZip: loadSevenZip() };
  const opened = openAll(unlzh, LHA, { tools });
  assert.deepEqual(opened.breaches, []);
  assert.deepEqual(contentsOf(opened), [["dir/lh5.com", EICAR]]);
  checkCuts(unlzh, LHA, { from: 21, tools });
});

/** An ARJ of stored files, garbled by a password. */
function arj(
  files: readonly (readonly [name: string, text: string])[],
  password: string,
): Uint8Array {
  const header = (kind: number, name: string, plain: Uint8Array): Uint8Array => {
    const flags = kind === 2 ? 0 : 1;
    const fields = concat([
      numbers([30, 1], [11, 1], [1, 1], [2, 1], [flags, 1], [0, 1], [kind, 1], [7, 1], [0, 4]),
      numbers([plain.length, 4], [plain.length, 4], [kind === 2 ? 0 : crc32(plain), 4]),
      numbers([0, 2], [0, 2], [0, 2]),
      ascii(`${name}\0\0`),
    ]);
    return concat([
      numbers([0xea60, 2], [fields.length, 2]),
      fields,
      numbers([crc32(fields), 4], [0, 2]),
    ]);
  };
  return concat([
    header(2, "a.arj", new Uint8Array(0)),
    ...files.flatMap(([name, text]) => {
      const plain = ascii(text);
      const garbled = plain.map((octet, i) =>
        octet ^ ((password.charCodeAt(i % password.length) + 7) & 255)
      );
      return [header(0, name, plain), garbled];
    }),
    numbers([0xea60, 2], [0, 2]),
  ]);
}

const ARJ = arj([["one.txt", "the first file"], ["two.txt", "the second"]], "Heslo1");

Deno.test("unarj() opens what is garbled with the password, and says so without", () => {
  const tools = { sevenZip: loadSevenZip() };
  const opened = openAll(unarj, ARJ, { tools, passwords: ["other", "Heslo1"] });
  assert.deepEqual(opened.breaches, []);
  assert.deepEqual(contentsOf(opened), [["one.txt", "the first file"], ["two.txt", "the second"]]);
  assert.ok(opened.entries.every(({ encrypted }) => encrypted));
  const closed = openAll(unarj, ARJ, { tools, passwords: ["other"] });
  assert.deepEqual(closed.breaches, ["encrypted"]);
  checkCuts(unarj, ARJ, { from: 4, whole: ARJ.length - 4, tools, passwords: ["Heslo1"] });
});

for (
  const [name, unpacker, seeds] of [
    ["unarj", unarj, [ARJ]],
    ["unlzh", unlzh, [LHA]],
    ["unarc", unarc, Object.values(arcs).map(([octets]) => octets)],
    ["unlzop", unlzop, [LZO]],
    ["unzoo", unzoo, [ZOO]],
  ] as const
) {
  Deno.test(`${name}() never throws and stays within its output, whatever the octets`, () => {
    checkAnyOctets(unpacker, seeds);
  });
}
