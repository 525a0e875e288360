/** What installers bring along: InstallShield, old and new, and AutoIt. */
import assert from "node:assert/strict";
import { deflateRawSync, deflateSync } from "node:zlib";
import { EICAR } from "../detect/eicar.ts";
import { builtinModules } from "../detect/modules.ts";
import { scan } from "../scan.ts";
import { AUTOIT_MAGIC, unautoit } from "./autoit.ts";
import { findEmbedded } from "./embedded.ts";
import { makeZip } from "./fixtures.ts";
import { isFileList, makeFileList, SETUP_MAGICS, uniscab, unsetup } from "./installshield.ts";
import { latin1Text } from "../latin1.ts";
import { concat } from "./octets.ts";
import {
  ascii,
  checkAnyOctets,
  checkCuts,
  contentsOf,
  hex,
  numbers,
  openAll,
} from "./testing/open.ts";

/** In front of AutoIt's magic. */
const IDENTIFIER = hex("a3484bbe986c4aa9994c530a86d6487d");
const TEXT = "the same line again and again\n".repeat(20);
const PLAIN = ascii(TEXT);

/** Pieces of deflate, each behind its length, as cabinets have them. */
function chunks(octets: Uint8Array, size: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < octets.length; at += size) {
    const packed = new Uint8Array(deflateRawSync(octets.subarray(at, at + size)));
    pieces.push(numbers([packed.length, 2]), packed);
  }
  return concat(pieces);
}

/** What keeps people from looking in. */
function mixed(octets: Uint8Array): Uint8Array {
  return octets.map((octet, i) => {
    const sum = (octet + (i % 0x47)) & 255;
    return (((sum << 2) | (sum >> 6)) & 255) ^ 0xd5;
  });
}

const PACKED = chunks(PLAIN, 250);
const SPLIT = 30;
/** Flags of files. */
const IS_SPLIT = 1;
const IS_MIXED = 2;
const IS_PACKED = 4;

interface CabinetEntry {
  readonly name: string;
  readonly flags: number;
  readonly packed: number;
  readonly offset: number;
  readonly volume: number;
}

/** Where the data of a cabinet begins in these tests. */
const DATA = 0x200;
const FILES: readonly CabinetEntry[] = [
  { name: "plain.txt", flags: 0, packed: PLAIN.length, offset: DATA, volume: 1 },
  {
    name: "mixed.txt",
    flags: IS_MIXED | IS_PACKED,
    packed: PACKED.length,
    offset: DATA + PLAIN.length,
    volume: 1,
  },
  {
    name: "split.txt",
    flags: IS_SPLIT | IS_PACKED,
    packed: PACKED.length,
    offset: DATA + PLAIN.length + PACKED.length,
    volume: 1,
  },
  { name: "beside.txt", flags: 0, packed: PLAIN.length, offset: 0, volume: 1 },
];

/** Header of a cabinet; the widths of numbers are 4 octets up to version 5, and 8 from then on. */
function cabinet(version: number, volume: 1 | 2, data: Uint8Array, list?: Uint8Array): Uint8Array {
  const width = version > 5 ? 8 : 4;
  const [first, last] = volume === 1 ? [0, 2] : [2, 2];
  const head = concat([
    ascii("ISc("),
    numbers([0x01000000 | (version << 12), 4], [0, 4]),
    numbers([list ? DATA + data.length : 0, 4], [list?.length ?? 0, 4]),
    version > 5 ? numbers([DATA, 8]) : numbers([DATA, 4], [0, 4]),
    numbers([first, 4], [last, 4]),
    numbers([volume === 1 ? 0 : DATA, width], [PLAIN.length, width], [PACKED.length, width]),
    numbers([FILES[2]?.offset ?? 0, width], [PLAIN.length, width]),
    numbers([volume === 1 ? SPLIT : 0, width]),
  ]);
  return concat([head, new Uint8Array(DATA - head.length), data, list ?? new Uint8Array(0)]);
}

/** The list of files, with one folder. */
function fileList(version: number): Uint8Array {
  const table = 64;
  const isNew = version > 5;
  const size = isNew ? 0x57 : 0x3a;
  const names = concat([ascii("Disk\0"), ...FILES.map(({ name }) => ascii(`${name}\0`))]);
  const offsets = 4 * (1 + FILES.length);
  const namesAt = offsets + size * FILES.length;
  let nameAt = namesAt + 5;
  const entries = FILES.map(({ name, flags, packed, offset, volume }) => {
    const own = nameAt;
    nameAt += name.length + 1;
    const entry = new Uint8Array(size);
    if (isNew) {
      entry.set(numbers([flags, 2], [PLAIN.length, 8], [packed, 8], [offset, 8]));
      entry.set(numbers([own, 4], [0, 2]), 58);
      entry.set(numbers([volume, 2]), 85);
    } else {
      entry.set(numbers([own, 4], [0, 4], [flags, 2], [PLAIN.length, 4], [packed, 4]));
      entry.set(numbers([offset, 4]), 38);
    }
    return entry;
  });
  const places = FILES.map((_, i): [number, number] => [offsets + size * i, 4]);
  const descriptor = new Uint8Array(table);
  descriptor.set(numbers([table, 4]), 12);
  descriptor.set(numbers([1, 4]), 28);
  descriptor.set(numbers([FILES.length, 4], [offsets, 4]), 40);
  return concat([descriptor, numbers([namesAt, 4], ...places), ...entries, names]);
}

function set(version: number) {
  const data = concat([PLAIN, mixed(PACKED), PACKED.subarray(0, SPLIT)]);
  return [
    { name: "data1.cab", octets: cabinet(version, 1, data) },
    { name: "data1.hdr", octets: cabinet(version, 1, new Uint8Array(0), fileList(version)) },
    { name: "data2.cab", octets: cabinet(version, 2, PACKED.subarray(SPLIT)) },
  ];
}

for (const version of [5, 9]) {
  const list = concat(makeFileList(set(version)));
  Deno.test(`uniscab() opens cabinets of version ${version}: plain, packed, mixed and over two`, () => {
    const opened = openAll(uniscab, list);
    assert.deepEqual(opened.breaches, []);
    assert.deepEqual(contentsOf(opened), [
      ["Disk/plain.txt", TEXT],
      ["Disk/mixed.txt", TEXT],
      ["Disk/split.txt", TEXT],
    ]);
  });
  Deno.test(`uniscab() of version ${version} says what is missing where a cabinet is`, () => {
    const some = concat(makeFileList(set(version).slice(0, 2)));
    const opened = openAll(uniscab, some);
    assert.deepEqual(opened.breaches, ["malformed"]);
    assert.deepEqual(contentsOf(opened).slice(0, 2), [["Disk/plain.txt", TEXT], [
      "Disk/mixed.txt",
      TEXT,
    ]]);
    checkCuts(uniscab, list, { from: 40, whole: list.length - 1, step: 3 });
  });
}

Deno.test("uniscab() of a cabinet alone says that it cannot tell what is in it", () => {
  const [alone] = set(9);
  assert.deepEqual(openAll(uniscab, alone?.octets ?? PLAIN).breaches, ["malformed"]);
});

Deno.test("Cabinets side by side in an archive are put together", () => {
  const bad = ascii(EICAR);
  const files = set(9).map(({ name, octets }) => ({ name: `Disk1/${name}`, content: octets }));
  // the plain file becomes the test file, in its own length
  const at = latin1Text(files[0]?.content ?? bad).indexOf(TEXT);
  files[0]?.content.set(ascii(EICAR.padEnd(TEXT.length)), at);
  const { findings, notScanned } = scan(makeZip(files), {
    mode: "file",
    antivirus: true,
    antispam: false,
    limits: { messageOctets: 1e7, depth: 9, files: 99, octets: 1e7, ratio: 999, timeMs: 20_000 },
  }, builtinModules());
  assert.deepEqual(notScanned, []);
  assert.ok(findings.some(({ part }) => part.endsWith("/Disk/plain.txt")));
});

/** Mixed with a name as the installer does. */
function sealed(octets: Uint8Array, name: string): Uint8Array {
  const key = Array.from(name, (c, i) => c.charCodeAt(0) ^ ([0xec, 0xca, 0x79, 0xf8][i & 3] ?? 0));
  return octets.map((octet, i) => {
    const value = octet ^ (key[(i % 1024) % key.length] ?? 0);
    return ((value >> 4) | (value << 4)) & 255;
  });
}

function setup(files: readonly (readonly [name: string, plain: Uint8Array])[]): Uint8Array {
  return concat([
    ascii(SETUP_MAGICS[0]),
    numbers([files.length, 4], [0, 4]),
    new Uint8Array(24),
    ...files.flatMap(([name, plain]) => {
      const packed = sealed(new Uint8Array(deflateSync(plain)), name);
      const head = new Uint8Array(312);
      head.set(ascii(name));
      head.set(numbers([6, 4], [0, 4], [packed.length, 8]), 260);
      return [head, packed];
    }),
  ]);
}

/** The later form: names in UTF-16 behind their headers, which are twice as long where the type is 4. */
function setupStream(type: number, files: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  return concat([
    ascii(SETUP_MAGICS[1]),
    numbers([files.length, 2], [type, 4], [1, 8], [0, 2], [0, 16]),
    ...files.flatMap(([name, plain]) => {
      const packed = sealed(new Uint8Array(deflateSync(plain)), name);
      const wide = concat(Array.from(name, (c) => numbers([c.charCodeAt(0), 2])));
      const head = numbers([wide.length, 4], [6, 4], [0, 2], [packed.length, 4], [0, 8], [1, 2]);
      return [head, new Uint8Array(type === 4 ? 24 : 0), wide, packed];
    }),
  ]);
}

const LONG = Uint8Array.from({ length: 5000 }, (_, i) => Math.imul(i, 40503) >> 5);
const SETUP = setup([["setup.ini", PLAIN], ["data.bin", LONG]]);

Deno.test("unsetup() opens the files behind an installer, and says what is missing at any cut", () => {
  const opened = openAll(unsetup, SETUP);
  assert.deepEqual(opened.breaches, []);
  assert.deepEqual(opened.entries.map(({ names, content }) => [names[0], content]), [
    ["setup.ini", PLAIN],
    ["data.bin", LONG],
  ]);
  checkCuts(unsetup, SETUP, { from: 46, whole: SETUP.length - 5, step: 11 });
});

Deno.test("unsetup() opens the later form, whose names are in UTF-16", () => {
  for (const type of [1, 4]) {
    const octets = setupStream(type, [["Setup.ini", PLAIN], ["Disk1\\data.bin", LONG]]);
    const opened = openAll(unsetup, octets);
    assert.deepEqual(opened.breaches, []);
    assert.deepEqual(opened.entries.map(({ names, content }) => [names[0], content]), [
      ["Setup.ini", PLAIN],
      ["data.bin", LONG],
    ]);
    checkCuts(unsetup, octets, { from: 46, whole: octets.length - 5, step: 29 });
  }
});

/** A program for Windows whose one section ends at 512, and what is behind it. */
function program(behind: Uint8Array): Uint8Array {
  const octets = new Uint8Array(512);
  octets.set([0x4d, 0x5a]);
  octets[60] = 64;
  octets.set(concat([ascii("PE\0\0"), numbers([0x14c, 2], [1, 2])]), 64);
  octets.set(numbers([256, 4], [256, 4]), 64 + 24 + 16);
  return concat([octets, behind]);
}

Deno.test("findEmbedded() finds what installers have behind their programs", () => {
  const list = concat(makeFileList(set(9)));
  assert.ok(isFileList(list));
  const autoit = concat([concat([IDENTIFIER, ascii(`${AUTOIT_MAGIC}6`)]), new Uint8Array(64)]);
  const nsis = concat([
    numbers([0, 4], [0xdeadbeef, 4]),
    ascii("NullsoftInst"),
    numbers([100, 4], [140, 4]),
    new Uint8Array(112),
  ]);
  for (
    const [type, behind] of [
      ["installshield", list],
      ["installshield-msi", SETUP],
      ["installshield-msi", setupStream(4, [["a.msi", PLAIN]])],
      ["autoit", autoit],
      ["nsis", nsis],
    ] as const
  ) {
    assert.deepEqual(findEmbedded(program(behind), false), [{ type, offset: 512 }]);
  }
  // a program that knows the words is no installer
  assert.deepEqual(
    findEmbedded(program(ascii(`\xef\xbe\xad\xdeNullsoftInst${"x".repeat(60)}`)), false),
    [],
  );
});

/** Programs that AutoIt made, where they are. */
function autoitScripts(): readonly Uint8Array[] {
  for (
    const folder of ["../../../shared/corpus/files/clam/", "file:///usr/share/clamav-testfiles/"]
  ) {
    const found = ["clam.ea05.exe", "clam.ea06.exe"].flatMap((name) => {
      try {
        const octets = Deno.readFileSync(new URL(folder + name, import.meta.url));
        return [octets.subarray(latin1Text(octets).indexOf(AUTOIT_MAGIC) - IDENTIFIER.length)];
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return [];
        throw error;
      }
    });
    if (found.length === 2) return found;
  }
  return [];
}

const scripts = autoitScripts();
for (const [index, octets] of scripts.entries()) {
  Deno.test(`unautoit() opens a script of version EA0${5 + index}, and says what is missing of it`, () => {
    const opened = openAll(unautoit, octets);
    assert.deepEqual(opened.breaches, []);
    assert.deepEqual(opened.entries.map(({ names }) => names[0]).at(-1), "clam.exe");
    // whole files in front of a cut stay whole: only cuts inside of the first are looked at
    checkCuts(unautoit, octets, { from: 24, whole: 3000, step: 149 });
  });
}

for (
  const [name, unpacker, seeds] of [
    ["uniscab", uniscab, [5, 9].map((version) => concat(makeFileList(set(version))))],
    ["unsetup", unsetup, [SETUP]],
    [
      "unautoit",
      unautoit,
      [
        concat([concat([IDENTIFIER, ascii(`${AUTOIT_MAGIC}5`)]), new Uint8Array(50)]),
        ...scripts.map((o) => o.subarray(0, 2000)),
      ],
    ],
  ] as const
) {
  Deno.test(`${name}() never throws and stays within its output, whatever the octets`, () => {
    checkAnyOctets(unpacker, seeds);
  });
}
