/** Archives inside programs and other files, and what only looks like their beginning. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { EICAR } from "./detect/eicar.ts";
import { fileType } from "./detect/file_type.ts";
import { builtinModules } from "./detect/modules.ts";
import { scan } from "./scan.ts";
import { makeZip } from "./unpack/fixtures.ts";
import { WIDE_LIMITS } from "../tests/scan_settings.ts";

const none = { permissions: "none" } as const;
const eicar = new TextEncoder().encode(EICAR);

/** The scan of a program (ELF) that has the octets somewhere in it. */
function inProgram(...pieces: readonly (string | Uint8Array)[]) {
  const program = Buffer.concat([
    Buffer.from("\x7fELF\x02\x01\x01\0", "latin1"),
    Buffer.alloc(500, 0x90),
    ...pieces.map((piece) => Buffer.from(piece as string, "latin1")),
  ]);
  const settings = { mode: "file", antivirus: true, antispam: false, limits: WIDE_LIMITS } as const;
  const { status, notScanned } = scan(program, settings, builtinModules());
  return [status, ...notScanned];
}

Deno.test("A zip in a program is opened, with its directory and without", none, () => {
  assert.deepEqual(inProgram(makeZip([{ name: "a", content: eicar }])), ["infected"]);
  assert.deepEqual(inProgram(makeZip([{ name: "a", content: eicar, hidden: true }])), ["infected"]);
});

Deno.test(
  "A zip in a program without a directory is opened, though its checksums stand behind the data",
  none,
  () => {
    const streamed = makeZip([{ name: "a", content: eicar, hidden: true, flags: 8, crc: 0 }]);
    assert.equal(inProgram(streamed)[0], "infected");
  },
);

Deno.test("A zip in a program that is encrypted or damaged is not scanned", none, () => {
  const text = Buffer.from("a text");
  const encrypted = makeZip([{ name: "a", content: text, flags: 1, crc: 1 }]);
  assert.deepEqual(inProgram(encrypted), ["notScanned", "encrypted"]);
  const damaged = makeZip([{ name: "a", content: eicar, crc: 1 }]);
  assert.equal(inProgram(damaged)[0], "infected");
  const other = makeZip([{ name: "a", content: text, crc: 1 }]);
  assert.deepEqual(inProgram(other), ["notScanned", "malformed"]);
});

Deno.test("A program that knows archives is none", none, () => {
  const local = "PK\x03\x04\x14\0\x01\0\x08\0\0\0\0\0abcdefghijkl\x03\0\0\0abc";
  const central = `PK\x01\x02${"\x01\0".repeat(40)}`;
  assert.deepEqual(inProgram(local, " ".repeat(50), central, "PK\x05\x06"), ["clean"]);
  assert.deepEqual(inProgram("Rar!\x1a\x07\x01\0Rar!\x1a\x07\0 and more text"), ["clean"]);
  assert.deepEqual(inProgram("7z\xbc\xaf\x27\x1c and more text than a header has"), ["clean"]);
});

Deno.test("A compiled description of a terminal is no ARC archive", none, () => {
  const head = "\x1a\x01\x30\0\x26\0\x0f\0\x9d\x01\xc4\0vt52|an old terminal\0";
  assert.equal(fileType(Buffer.from(head + "\0\x01".repeat(400), "latin1")), "binary");
});

Deno.test(
  "A zip whose directory shows through the packing of a member is that member's own",
  none,
  () => {
    const noise = new Uint8Array(120_000);
    for (const half of [0, 60_000]) crypto.getRandomValues(noise.subarray(half, half + 60_000));
    const inner = makeZip([{ name: "data.npy", content: noise, method: 0 }]);
    const outer = makeZip([
      { name: "first.txt", content: Buffer.from("a text") },
      { name: "inner.npz", content: inner },
    ]);
    const settings = {
      mode: "file",
      antivirus: true,
      antispam: false,
      limits: WIDE_LIMITS,
    } as const;
    assert.ok(Buffer.from(outer).indexOf("PK\x05\x06") < outer.length - 22);
    const { status, notScanned, parts } = scan(outer, settings, builtinModules());
    assert.deepEqual([status, ...notScanned], ["clean"]);
    assert.deepEqual(parts.map(({ names }) => names[0]), [
      undefined,
      "first.txt",
      "inner.npz",
      "data.npy",
    ]);
  },
);
