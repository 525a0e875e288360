/** Volumes of a set that come together: as attachments of one message, and as entries of one archive. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { planRemovals } from "./clean/plan.ts";
import { EICAR } from "./detect/eicar.ts";
import { builtinModules } from "./detect/modules.ts";
import { scan } from "./scan.ts";
import { loadSevenZip } from "./scanner/sevenzip_file.ts";
import type { Verdict } from "./types.ts";
import { crc32 } from "./unpack/crc32.ts";
import { makeTar, makeZip } from "./unpack/fixtures.ts";
import { concat, u16, u32 } from "./unpack/octets.ts";
import { volumeSets } from "./unpack/volumes.ts";
import { virusScan } from "../tests/scan_settings.ts";

interface File {
  readonly name: string;
  readonly content: Uint8Array;
}

const TOOLS = { sevenZip: loadSevenZip() };
const CORPUS = new URL("../../shared/corpus/files/", import.meta.url);
const SETTINGS = virusScan("auto");

/** Octets that do not compress, the same ones each time. */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => (state = Math.imul(state, 48271) >>> 0) >>> 24);
}

const BAD = { name: "eicar.com", content: new TextEncoder().encode(EICAR) };
const LONG = { name: "noise.bin", content: noise(3000) };
const ZIP = makeZip([LONG, BAD]);

function cut(octets: Uint8Array, names: readonly string[]): readonly File[] {
  const length = Math.ceil(octets.length / names.length);
  return names.map((name, i) => ({ name, content: octets.subarray(i * length, (i + 1) * length) }));
}

/** A zip over two volumes, as `zip -s` writes it: a marker in front, places told by volume. */
function spanned(): readonly File[] {
  const marked = concat([Uint8Array.of(0x50, 0x4b, 7, 8), ZIP]).slice();
  const view = new DataView(marked.buffer);
  const first = 2000;
  const end = marked.length - 22;
  const directory = u32(marked, end + 16) + 4;
  for (let at = directory; u32(marked, at) === 0x02014b50;) {
    const offset = u32(marked, at + 42) + 4;
    view.setUint16(at + 34, offset < first ? 0 : 1, true);
    view.setUint32(at + 42, offset < first ? offset : offset - first, true);
    at += 46 + u16(marked, at + 28);
  }
  view.setUint16(end + 4, 1, true);
  view.setUint16(end + 6, 1, true);
  view.setUint32(end + 16, directory - first, true);
  return [
    { name: "Docs.Z01", content: marked.subarray(0, first) },
    { name: "docs.zip", content: marked.subarray(first) },
  ];
}

/** RAR 4 with one stored file over some volumes. */
function rarVolumes(
  content: Uint8Array,
  names: readonly string[],
  isOld: boolean,
): readonly File[] {
  const header = (type: number, flags: number, body: Uint8Array): Uint8Array => {
    const head = Buffer.alloc(7 + body.length);
    head.writeUInt8(type, 2);
    head.writeUInt16LE(flags, 3);
    head.writeUInt16LE(head.length, 5);
    head.set(body, 7);
    head.writeUInt16LE(crc32(head.subarray(2)) & 0xffff, 0);
    return head;
  };
  const last = names.length - 1;
  return cut(content, names).map(({ name, content: piece }, i) => {
    const file = Buffer.alloc(25 + 9);
    file.writeUInt32LE(piece.length, 0);
    file.writeUInt32LE(content.length, 4);
    file.writeUInt32LE(crc32(i === last ? content : piece), 9);
    file.writeUInt8(20, 17);
    file.writeUInt8(0x30, 18);
    file.writeUInt16LE(9, 19);
    file.writeUInt32LE(0x20, 21);
    file.write("eicar.com", 25);
    const flags = (i > 0 ? 1 : 0) | (i < last ? 2 : 0) | 0x8000;
    return {
      name,
      content: concat([
        Buffer.from("Rar!\x1a\x07\0", "latin1"),
        header(0x73, 1 | (isOld ? 0 : 0x10) | (i === 0 ? 0x100 : 0), Buffer.alloc(6)),
        header(0x74, flags, file),
        piece,
        header(0x7b, 0x4000 | (i < last ? 1 : 0), Buffer.alloc(0)),
      ]),
    };
  });
}

function mail(files: readonly File[]): Uint8Array {
  const parts = files.map(({ name, content }) =>
    `--b\r\nContent-Type: application/octet-stream; name="${name}"\r\n` +
    `Content-Transfer-Encoding: base64\r\n\r\n${Buffer.from(content).toString("base64")}\r\n`
  );
  return new TextEncoder().encode(
    'From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n' +
      `${parts.join("")}--b--\r\n`,
  );
}

function scanned(octets: Uint8Array): Verdict {
  return scan(octets, SETTINGS, builtinModules(), TOOLS);
}

const longBad = concat([noise(2990), BAD.content]);
const sets: Readonly<Record<string, readonly File[]>> = {
  "a.zip.001": cut(ZIP, ["a.zip.001", "a.zip.002", "a.zip.003"]),
  "a.zip.000": cut(ZIP, ["a.zip.000", "a.zip.001"]),
  "out of order": cut(ZIP, ["a.zip.001", "a.zip.002", "a.zip.003"]).toReversed(),
  "a.tar.gz.aa": cut(gzipSync(makeTar([LONG, BAD])), ["a.tar.gz.aa", "a.tar.gz.ab", "a.tar.gz.ac"]),
  "a.tgzaa": cut(gzipSync(makeTar([LONG, BAD])), ["a.tgzaa", "a.tgzab"]),
  xaa: cut(ZIP, ["xaa", "xab"]),
  "a.zip.part1": cut(ZIP, ["a.zip.part1", "a.zip.part2"]),
  "text over two files": cut(BAD.content, ["e.com.001", "e.com.002"]),
  "a.z01 and a.zip": spanned(),
  "a.part1.rar": rarVolumes(BAD.content, ["a.part1.rar", "a.part2.rar", "a.part3.rar"], false),
  "a.part1.exe": rarVolumes(longBad, ["a.part1.exe", "a.part2.rar"], false).map((file, i) =>
    i > 0 ? file : { ...file, content: concat([program(), file.content]) }
  ),
  "a.rar, a.r00": rarVolumes(BAD.content, ["a.rar", "a.r00", "a.r01"], true),
};

/** What begins like a program for Windows. */
function program(): Uint8Array {
  const octets = new Uint8Array(512);
  octets.set([0x4d, 0x5a]);
  octets[60] = 64;
  octets.set([0x50, 0x45, 0, 0, 0x4c, 1], 64);
  return octets;
}

for (const [name, files] of Object.entries(sets)) {
  Deno.test(`Volumes are put together: ${name}, attached`, () => {
    const { status, findings, notScanned } = scanned(mail(files));
    assert.equal(status, "infected");
    assert.deepEqual(notScanned, []);
    const parts = new Set(findings.map(({ part }) => part.split("/")[0]));
    assert.deepEqual([...parts].sort(), files.map((_, i) => `${i + 1}`), "each is infected");
  });
  Deno.test(`Volumes are put together: ${name}, in an archive`, () => {
    const { status, notScanned } = scanned(gzipSync(makeTar(files)));
    assert.equal(status, "infected");
    assert.deepEqual(notScanned, []);
  });
  Deno.test(`Volumes are not called clean where one is missing: ${name}`, () => {
    if (name.startsWith("text")) return; // half a text is a text
    // a stream without its beginning is noise, here and for whoever gets it
    for (let i = /gz/.test(name) ? 1 : 0; i < files.length; i++) {
      const { status } = scanned(mail(files.filter((_, place) => place !== i)));
      assert.notEqual(status, "clean", `without ${i}`);
    }
  });
}

Deno.test("Files that only have the names of volumes are read by themselves", () => {
  const clean = makeZip([{ ...LONG, name: "n" }]);
  const other = makeZip([BAD]);
  for (
    const names of [["a.zip.001", "a.zip.002"], ["a.part1.zip", "a.part2.zip"], ["xaa", "xab"]]
  ) {
    const [first = "", second = ""] = names;
    const files = [{ name: first, content: clean }, { name: second, content: other }];
    assert.equal(scanned(mail(files)).status, "infected", first);
    assert.equal(
      scanned(mail([files[1]!, files[0]!].map((f, i) => ({ ...f, name: names[i]! })))).status,
      "infected",
    );
  }
  // a RAR that is not a set's next volume, behind one that is whole
  const [whole] = rarVolumes(LONG.content, ["a.part1.rar"], false);
  const [bad] = rarVolumes(BAD.content, ["a.part2.rar"], false);
  assert.equal(scanned(mail([whole!, bad!])).status, "infected");
});

Deno.test("All volumes of an infected set go, and nothing goes where only entries may", () => {
  const text = { name: "notes.txt", content: new TextEncoder().encode("some notes\n") };
  const verdict = scanned(mail([text, ...(sets["a.zip.001"] ?? [])]));
  const removals = planRemovals(verdict, verdict.findings, "parts")?.removals ?? [];
  assert.deepEqual(removals.map(({ part }) => part).sort(), ["2", "3", "4"]);
  assert.equal(planRemovals(verdict, verdict.findings, "entries"), undefined);
});

Deno.test("Pictures with numbers for endings are no volumes", () => {
  const png = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13);
  const { parts } = scanned(mail(["s.001", "s.002"].map((name) => ({ name, content: png }))));
  assert.deepEqual(parts.filter(({ reading }) => reading === "volumes"), []);
});

Deno.test("Volumes that are put together count as unpacked octets", () => {
  const limits = { ...SETTINGS.limits, octets: 6000 };
  const settings = { ...SETTINGS, limits };
  const { notScanned } = scan(mail(sets["a.zip.001"] ?? []), settings, builtinModules(), TOOLS);
  assert.deepEqual(notScanned, ["octets"]);
});

Deno.test("volumeSets() takes any names and octets, and no file for two sets", () => {
  const base = fc.constantFrom("a", "A", "x", "a.zip", "data1", "");
  const ending = fc.constantFrom(
    ".001",
    ".002",
    ".z01",
    ".zip",
    ".rar",
    ".r00",
    ".part1.rar",
    ".part2.exe",
    ".aa",
    ".ab",
    ".cab",
    ".hdr",
  );
  const start = fc.constantFrom("", "ISc(", "MSCF\0\0\0\0", "Rar!\x1a\x07\0", "PK\x07\x08", "MZ");
  const piece = fc.record({
    names: fc.array(fc.tuple(base, ending).map((both) => both.join("")), { maxLength: 2 }),
    octets: fc.tuple(start, fc.uint8Array({ maxLength: 90 })).map(([text, rest]) =>
      concat([Uint8Array.from(text, (c) => c.charCodeAt(0)), rest])
    ),
  });
  fc.assert(fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
    const all = volumeSets(pieces).flatMap((set) => {
      assert.equal(set.join().length, set.size);
      assert.ok(set.places.length > 1);
      return set.places;
    });
    assert.equal(new Set(all).size, all.length);
  }));
});

/** Files of a folder of the corpus; none where it is not there. */
function corpus(folder: string, form: RegExp): readonly File[] {
  try {
    return Array.from(Deno.readDirSync(new URL(folder, CORPUS)), ({ name }) => name)
      .filter((name) => form.test(name)).sort()
      .map((name) => ({ name, content: Deno.readFileSync(new URL(folder + name, CORPUS)) }));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

for (
  const [folder, form, count] of [
    ["rar/", /^rar3-old\.r/, 2],
    ["arc/", /^rar5_multiarchive\.part/, 2],
    ["arc/", /^cab_multi\.p/, 1],
  ] as const
) {
  const files = corpus(folder, form);
  Deno.test({
    name: `A set that the format's own program made is read whole: ${form.source}`,
    ignore: files.length === 0,
    fn() {
      // cabinets name each other by the names that they were made with
      const named = files.map((file) =>
        file.name.startsWith("cab") ? { ...file, name: `test_read_format_${file.name}` } : file
      );
      const { status, parts, notScanned } = scanned(mail(named));
      assert.deepEqual([status, notScanned], ["clean", []]);
      const joined = parts.find(({ reading }) => reading === "volumes");
      const inside = parts.filter(({ parent }) => parent !== undefined && parent === joined?.path);
      assert.equal(inside.length, count);
    },
  });
}
