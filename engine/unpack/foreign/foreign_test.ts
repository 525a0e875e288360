/** Containers that 7-Zip opens; the corpus test has every format, this one what becomes of limits, passwords and damage. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { Budget } from "../../budget.ts";
import type { NotScannedReason, ScanLimits } from "../../types.ts";
import { Passwords } from "../passwords.ts";
import type { Entry, Tools } from "../unpacker.ts";
import { unforeign } from "./foreign.ts";
import { isQuickRar } from "./key_work.ts";
import { loadSevenZip } from "../../scanner/sevenzip_file.ts";
import { WIDE_LIMITS } from "../../../tests/scan_settings.ts";

const LIMITS = { ...WIDE_LIMITS, depth: 5, files: 100, octets: 1e7 };
const TOOLS: Tools = { sevenZip: loadSevenZip() };
const CORPUS = new URL("../../../../shared/corpus/files/", import.meta.url);

interface Opened {
  readonly entries: readonly Entry[];
  readonly notes: readonly NotScannedReason[];
  readonly breaches: readonly NotScannedReason[];
}

function open(
  octets: Uint8Array,
  { limits = {}, passwords = [], tools = TOOLS }: {
    limits?: Partial<ScanLimits>;
    passwords?: readonly string[];
    tools?: Tools;
  } = {},
): Opened {
  const budget = new Budget({ ...LIMITS, ...limits });
  const notes: NotScannedReason[] = [];
  const note = (reason: NotScannedReason) => {
    notes.push(reason);
    budget.breach(reason);
  };
  const context = { budget, tools, passwords: new Passwords(passwords), names: [], note };
  const entries = [...unforeign(octets, context)];
  return { entries, notes, breaches: budget.breaches };
}

const text = ({ content }: Entry) => new TextDecoder().decode(content);

/** RAR 4 with stored files: what a test can make without RAR's own program. */
function rar(files: readonly { name: string; octets: Uint8Array }[]): Uint8Array {
  const header = (type: number, flags: number, body: Uint8Array): Buffer => {
    const head = Buffer.alloc(7 + body.length);
    head.writeUInt8(type, 2);
    head.writeUInt16LE(flags, 3);
    head.writeUInt16LE(head.length, 5);
    head.set(body, 7);
    head.writeUInt16LE(crc(head.subarray(2)) & 0xffff, 0);
    return head;
  };
  const parts = [Buffer.from("Rar!\x1a\x07\0", "latin1"), header(0x73, 0, new Uint8Array(6))];
  for (const { name, octets } of files) {
    const body = Buffer.alloc(25 + name.length);
    body.writeUInt32LE(octets.length, 0);
    body.writeUInt32LE(octets.length, 4);
    body.writeUInt8(3, 8);
    body.writeUInt32LE(crc(octets), 9);
    body.writeUInt32LE(0x21, 13);
    body.writeUInt8(20, 17);
    body.writeUInt8(0x30, 18);
    body.writeUInt16LE(name.length, 19);
    body.writeUInt32LE(0o100644, 21);
    body.write(name, 25, "latin1");
    parts.push(header(0x74, 0x8000, body), Buffer.from(octets));
  }
  parts.push(header(0x7b, 0x4000, new Uint8Array(0)));
  return new Uint8Array(Buffer.concat(parts));
}

function crc(octets: Uint8Array): number {
  // gzip's trailer has it
  const packed = gzipSync(octets);
  return packed.readUInt32LE(packed.length - 8);
}

const ascii = (value: string) => new TextEncoder().encode(value);
const TWO = rar([{ name: "a.txt", octets: ascii("first") }, {
  name: "d/b.txt",
  octets: ascii("second"),
}]);

Deno.test("unforeign() gives each file with its path", () => {
  const { entries, breaches } = open(TWO);
  assert.deepEqual(entries.map((entry) => [entry.names[0], text(entry)]), [
    ["a.txt", "first"],
    ["d/b.txt", "second"],
  ]);
  assert.deepEqual(breaches, []);
});

Deno.test("unforeign() without the tool is unsupported, and says so", () => {
  assert.deepEqual(open(TWO, { tools: {} }).notes, ["unsupported"]);
});

Deno.test("unforeign() of files with one name gives all of them", () => {
  const twice = rar([{ name: "a", octets: ascii("one") }, { name: "a", octets: ascii("two") }]);
  assert.deepEqual(open(twice).entries.map(text), ["one", "two"]);
});

Deno.test("unforeign() unpacks more than fits in memory at once in several runs", () => {
  const piece = (fill: number) => new Uint8Array(20 << 20).fill(fill);
  const large = rar([1, 2, 3, 4].map((fill) => ({ name: `${fill}`, octets: piece(fill) })));
  const { entries, breaches } = open(large, { limits: { octets: 1e9 } });
  assert.deepEqual(entries.map(({ names, content }) => [names[0], content?.length, content?.[5]]), [
    ["1", 20 << 20, 1],
    ["2", 20 << 20, 2],
    ["3", 20 << 20, 3],
    ["4", 20 << 20, 4],
  ]);
  assert.deepEqual(breaches, []);
});

Deno.test("unforeign() ends at each limit and keeps what was read", () => {
  const octets = new Uint8Array(3_000_000).fill(7);
  const two = rar([{ name: "a", octets: ascii("small") }, { name: "b", octets }]);
  const over = open(two, { limits: { octets: 1_000_000 } });
  assert.equal(text(over.entries[0] ?? { names: [] }), "small");
  assert.deepEqual(over.breaches, ["octets"]);
  const files = open(TWO, { limits: { files: 1 } });
  assert.deepEqual(files.entries.filter(({ content }) => content).map(text), ["first"]);
  assert.deepEqual(files.breaches, ["files"]);
  const time = open(TWO, { limits: { timeMs: 0 } });
  assert.deepEqual(time.entries, []);
  assert.ok(time.breaches.includes("time"));
});

Deno.test("unforeign() cut at any octet never throws, and never says that all is well", () => {
  for (let end = 7; end < TWO.length - 7; end++) {
    const { entries, breaches } = open(TWO.subarray(0, end));
    const all = entries.map(text).join();
    assert.ok(
      breaches.length > 0 || all === "first" || all === "first,second" || end <= 20,
      `${end}`,
    );
  }
});

Deno.test("unforeign() of any damage never throws", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(TWO.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
      (changes) => {
        const octets = TWO.slice();
        for (const [at, value] of changes) octets[at] = value;
        open(octets);
      },
    ),
    { numRuns: 100 },
  );
});

interface Locked {
  readonly file: string;
  readonly password: string;
  readonly content: RegExp;
}
const LOCKED: readonly Locked[] = [
  { file: "arc/rar4_solid_encrypted.rar", password: "password", content: /./ },
  { file: "arc/rar4_solid_encrypted_filenames.rar", password: "password", content: /./ },
  { file: "arc/rar5_solid_encrypted_filenames.rar", password: "password", content: /./ },
  { file: "rar/rar5-psw-blake.rar", password: "password", content: /./ },
];
for (const { file, password, content } of LOCKED) {
  let octets: Uint8Array | undefined;
  try {
    octets = Deno.readFileSync(new URL(file, CORPUS));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.test({
    name: `unforeign() opens ${file} with its password only`,
    ignore: octets === undefined,
    fn() {
      if (!octets) return;
      const closed = open(octets, { passwords: ["wrong"] });
      assert.deepEqual(closed.breaches, ["encrypted"]);
      assert.ok(closed.entries.every((entry) => entry.encrypted && !entry.content));
      const { entries, breaches } = open(octets, { passwords: ["wrong", password, "late"] });
      assert.deepEqual(breaches, []);
      assert.ok(entries.length > 0 && entries.every((entry) => content.test(text(entry))));
      assert.ok(entries.every((entry) => entry.encrypted));
    },
  });
}

Deno.test(
  "isQuickRar() refuses archives whose key takes 2^24 rounds",
  { permissions: "none" },
  () => {
    const signature = [0x52, 0x61, 0x72, 0x21, 0x1a, 7, 1, 0];
    const encrypted = (power: number) =>
      Uint8Array.from([...signature, 0, 0, 0, 0, 33, 4, 0, 0, 1, power, ...new Uint8Array(28)]);
    assert.equal(isQuickRar(encrypted(15)), true);
    assert.equal(isQuickRar(encrypted(24)), false);
    assert.equal(isQuickRar(TWO), true);
  },
);

Deno.test("isQuickRar() ends with blocks that claim to be larger than any file, and lead over all of it again", () => {
  const signature = [0x52, 0x61, 0x72, 0x21, 0x1a, 7, 1, 0];
  const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
  const first = [...signature, 0, 0, 0, 0, ...huge, 2, 1, 0x90, 0x4e];
  assert.equal(isQuickRar(Uint8Array.from([...first, ...new Uint8Array(50)])), true);
  // each block's records would begin a megabyte before it
  const block = [0, 0, 0, 0, 5, 2, 1, 0x80, 0x80, 0x40];
  const many = Array.from({ length: 100_000 }, () => block).flat();
  assert.equal(isQuickRar(Uint8Array.from([...signature, ...many])), true);
});
