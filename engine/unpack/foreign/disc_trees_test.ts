/** Images of discs whose trees hold different files. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { loadSevenZip } from "../../scanner/sevenzip_file.ts";
import { contentsOf, openAll } from "../testing/open.ts";
import { otherTrees } from "./disc_trees.ts";
import { undisc } from "./foreign.ts";

const SECTOR = 2048;
const TOOLS = { sevenZip: loadSevenZip() };

interface Tree {
  readonly type: 1 | 2;
  readonly escape?: string;
  readonly files: readonly string[];
}

/** One record of a directory; its name in the octets of the tree's own charset. */
function record(name: Buffer, sector: number, size: number, isDirectory: boolean): Buffer {
  const octets = Buffer.alloc((33 + name.length + 1) & ~1);
  octets.writeUInt8(octets.length);
  octets.writeUInt32LE(sector, 2);
  octets.writeUInt32BE(sector, 6);
  octets.writeUInt32LE(size, 10);
  octets.writeUInt32BE(size, 14);
  octets.writeUInt8(isDirectory ? 2 : 0, 25);
  octets.writeUInt16LE(1, 28);
  octets.writeUInt16BE(1, 30);
  octets.writeUInt8(name.length, 32);
  octets.set(name, 33);
  return octets;
}

/** An image of ISO 9660; each file is its own name over again. */
function image(trees: readonly Tree[]): Buffer {
  const all = [...new Set(trees.flatMap(({ files }) => files))];
  const firstDirectory = 17 + trees.length;
  const firstFile = firstDirectory + trees.length;
  const octets = Buffer.alloc((firstFile + all.length + 8) * SECTOR);
  for (const [i, { type, escape = "", files }] of trees.entries()) {
    const at = (16 + i) * SECTOR;
    const sector = firstDirectory + i;
    octets.writeUInt8(type, at);
    octets.write("CD001\x01", at + 1, "latin1");
    octets.writeUInt32LE(octets.length / SECTOR, at + 80);
    octets.writeUInt32BE(octets.length / SECTOR, at + 84);
    octets.write(escape, at + 88, "latin1");
    for (const place of [120, 124]) {
      octets.writeUInt16LE(1, at + place);
      octets.writeUInt16BE(1, at + place + 2);
    }
    octets.writeUInt16LE(SECTOR, at + 128);
    octets.writeUInt16BE(SECTOR, at + 130);
    octets.set(record(Buffer.of(0), sector, SECTOR, true), at + 156);
    octets.writeUInt8(1, at + 881);
    const records = files.map((name) => {
      const plain = Buffer.from(name, "latin1");
      const own = escape === "" ? plain : Buffer.from(name, "utf16le").swap16();
      return record(own, firstFile + all.indexOf(name), SECTOR, false);
    });
    const itself = [0, 1].map((one) => record(Buffer.of(one), sector, SECTOR, true));
    octets.set(Buffer.concat([...itself, ...records]), sector * SECTOR);
  }
  octets.write("\xffCD001\x01", (16 + trees.length) * SECTOR, "latin1");
  for (const [i, name] of all.entries()) {
    octets.fill(name, (firstFile + i) * SECTOR, (firstFile + i + 1) * SECTOR);
  }
  return octets;
}

/** Names by content: Joliet's and the primary tree's may differ. */
function files(octets: Uint8Array): readonly string[] {
  const opened = openAll(undisc, octets, { tools: TOOLS });
  assert.deepEqual([...opened.notes, ...opened.breaches], []);
  return contentsOf(opened).map(([, text]) => text.slice(0, 1));
}

const JOLIET = "%/E";
const cases: { name: string; trees: readonly Tree[]; want: readonly string[] }[] = [
  { name: "one tree", trees: [{ type: 1, files: ["A", "B"] }], want: ["A", "B"] },
  {
    name: "two trees of the same files, once",
    trees: [{ type: 1, files: ["A", "B"] }, { type: 2, escape: JOLIET, files: ["A", "B"] }],
    want: ["A", "B"],
  },
  {
    name: "files that Joliet hides",
    trees: [{ type: 1, files: ["A", "B"] }, { type: 2, escape: JOLIET, files: ["A"] }],
    want: ["A", "A", "B"],
  },
  {
    name: "files of a second primary tree",
    trees: [{ type: 1, files: ["A"] }, { type: 1, files: ["B"] }],
    want: ["A", "B"],
  },
  {
    name: "files of an enhanced tree",
    trees: [
      { type: 1, files: ["A"] },
      { type: 2, files: ["C"] },
      { type: 2, escape: JOLIET, files: ["B"] },
    ],
    want: ["B", "A", "C"],
  },
];
for (const { name, trees, want } of cases) {
  Deno.test(`undisc() gives ${name}`, () => assert.deepEqual(files(image(trees)), want));
}

Deno.test("otherTrees() ends where directories hold themselves, reach too far, or are cut", () => {
  const octets = image([{ type: 1, files: ["A"] }, { type: 2, escape: JOLIET, files: ["B"] }]);
  // the parent's record becomes a directory of its own name, in the directory that it is in
  octets.writeUInt8(0x41, 19 * SECTOR + 34 + 33);
  assert.equal([...otherTrees(octets)].length, 1);
  octets.writeUInt32LE(0xffffffff, 16 * SECTOR + 156 + 10);
  assert.equal([...otherTrees(octets)].length, 1);
  for (let cut = 16 * SECTOR; cut < octets.length; cut += 511) {
    assert.ok([...otherTrees(octets.subarray(0, cut))].length <= 1);
  }
});
