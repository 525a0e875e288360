import assert from "node:assert/strict";
import { EICAR, isEicar } from "./eicar.ts";
import { nameHeuristics } from "./heuristics.ts";

const names: { name: string; type?: string; encrypted?: boolean; want?: string }[] = [
  { name: "invoice.pdf" },
  { name: "setup.exe", type: "pe" },
  { name: "archive.tar.gz", type: "gzip" },
  { name: "report.v2.docx", type: "ooxml" },
  { name: "jquery.min.js" },
  { name: "invoice.pdf.exe", want: "Heuristic.DoubleExtension" },
  { name: "invoice.doc      .exe", want: "Heuristic.DoubleExtension" },
  { name: "invoice.pdf.exe. ", want: "Heuristic.DoubleExtension" },
  { name: `photo${" ".repeat(40)}.exe`, want: "Heuristic.PaddedExtension" },
  { name: "photo\u202egpj.exe", want: "Heuristic.RightToLeftName" },
  { name: "\u05e9\u05dc\u05d5\u05dd\u202a.txt" },
  { name: "a.{3050f4d8-98b5-11cf-bb82-00aa00bdce0b}", want: "Heuristic.ClassIdExtension" },
  { name: "tool.exe", encrypted: true, want: "Heuristic.EncryptedProgram" },
  { name: "letter.doc", encrypted: true },
  { name: "photo.jpg", type: "pe", want: "Heuristic.DisguisedProgram" },
  { name: "photo.jpg", type: "jpeg" },
];
for (const { name, type = "binary", encrypted = false, want } of names) {
  Deno.test(`nameHeuristics() of ${JSON.stringify(name)}${encrypted ? ", encrypted" : ""}, ${type}`, () => {
    const found = nameHeuristics({ names: [name], type, encrypted }).map((match) => match.name);
    assert.deepEqual(found, want ? [want] : []);
  });
}

Deno.test("isEicar() holds the definition: first, at most 128 octets, white space behind", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  assert.ok(isEicar(encode(EICAR)));
  assert.ok(isEicar(encode(EICAR + "\r\n\x1a")));
  assert.ok(isEicar(encode(EICAR.padEnd(128))));
  assert.ok(!isEicar(encode(EICAR.padEnd(129))));
  assert.ok(!isEicar(encode(" " + EICAR)));
  assert.ok(!isEicar(encode(EICAR + "x")));
  assert.ok(!isEicar(encode(EICAR.slice(0, -1))));
});
