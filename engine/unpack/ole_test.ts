/** Files packed into documents as objects. */
import assert from "node:assert/strict";
import { builtinModules } from "../detect/modules.ts";
import { scan } from "../scan.ts";
import { concat } from "./octets.ts";
import { makeOle } from "./testing/ole_writer.ts";
import { ascii, numbers } from "./testing/open.ts";

/** What the packager writes: flags, label, path, a second path, size, octets. */
function packaged(name: string, content: Uint8Array): Uint8Array {
  const path = `C:\\Temp\\${name}\0`;
  return concat([
    numbers([2, 2]),
    ascii(`${name}\0${path}`),
    numbers([3, 4], [path.length, 4]),
    ascii(path),
    numbers([content.length, 4]),
    content,
  ]);
}

/** An object of version 1 of class Package, as RTF has it, in hex. */
function rtf(data: Uint8Array): Uint8Array {
  const object = concat([
    numbers([0x501, 4], [2, 4], [8, 4]),
    ascii("Package\0"),
    numbers([0, 4], [0, 4], [data.length, 4]),
    data,
  ]);
  const hex = Array.from(object, (octet) => octet.toString(16).padStart(2, "0")).join("");
  return ascii(`{\\rtf1{\\object{\\*\\objdata ${hex}}}}`);
}

const files: readonly (readonly [string, Uint8Array, boolean])[] = [
  ["notes.txt", ascii("some lines of text"), false],
  ["picture.png", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13), false],
  ["open me.js", ascii("WScript.Echo(1)"), true],
  [
    "picture.png",
    concat([ascii("MZ"), new Uint8Array(58), numbers([64, 4]), ascii("PE\0\0")]),
    true,
  ],
];
for (const [name, content, isProgram] of files) {
  const data = packaged(name, content);
  const ole = makeOle([
    { name: "\x01Ole10Native", octets: concat([numbers([data.length, 4]), data]) },
  ]);
  for (const [what, document] of [["an OLE document", ole], ["RTF", rtf(data)]] as const) {
    const said = isProgram ? "is found" : "is nothing";
    Deno.test(`A packaged ${name} of ${content.length} octets in ${what} ${said}`, () => {
      const { findings, parts } = scan(document, {
        mode: "file",
        antivirus: true,
        antispam: false,
        limits: { messageOctets: 1e6, depth: 9, files: 99, octets: 1e6, ratio: 99, timeMs: 9_000 },
      }, builtinModules());
      assert.ok(parts.some(({ size }) => size === content.length));
      const names = findings.map((finding) => finding.name);
      assert.equal(names.includes("Heuristic.PackagedProgram"), isProgram);
    });
  }
}
