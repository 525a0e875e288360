import assert from "node:assert/strict";
import { inTime } from "../../tests/in_time.ts";
import { makeZip } from "./fixtures.ts";
import { unole } from "./ole.ts";
import {
  agileDocument,
  cryptoApiKeys,
  presentation,
  rc4Keys,
  rc4Workbook,
  standardDocument,
  wordDocument,
  xorWorkbook,
} from "./testing/office_writer.ts";
import { checkAnyOctets, hex, openAll } from "./testing/open.ts";
import { xorArray, xorKey, xorPassword, xorVerifier } from "./xor_obfuscation.ts";

const TEXT = "the words that nobody may read";
const PASSWORD = "Heslo 2024!";
const ZIP = makeZip([{
  name: "word/document.xml",
  content: new TextEncoder().encode(TEXT.repeat(400)),
}]);

function xorDocument(password: string): Uint8Array {
  const octets = xorPassword(password);
  assert.ok(octets);
  return xorWorkbook(TEXT, xorArray(octets), [xorKey(octets), xorVerifier(octets)]);
}

/** By the way of enciphering; packages hold a zip, the others a text. */
const documents: Readonly<Record<string, (password: string) => Uint8Array>> = {
  "Standard, AES-128": (password) => standardDocument(ZIP, password),
  "Agile, SHA-512": (password) => agileDocument(ZIP, password),
  "Agile, SHA-1": (password) => agileDocument(ZIP, password, { algorithm: "SHA1" }),
  "Agile, SHA-256": (password) =>
    agileDocument(ZIP, password, { algorithm: "SHA256", rounds: 1000 }),
  "Agile, SHA-384": (password) =>
    agileDocument(ZIP, password, { algorithm: "SHA384", rounds: 1000 }),
  "Word, RC4": (password) => wordDocument(TEXT, rc4Keys(password)),
  "Word, CryptoAPI": (password) => wordDocument(TEXT, cryptoApiKeys(password)),
  "Excel, RC4": (password) => rc4Workbook(TEXT, rc4Keys(password)),
  "Excel, CryptoAPI 40": (password) => rc4Workbook(TEXT, cryptoApiKeys(password, 40)),
  "Excel, CryptoAPI 128": (password) => rc4Workbook(TEXT, cryptoApiKeys(password)),
  "Excel, XOR": (password) => xorDocument(password),
  "PowerPoint, CryptoAPI": (password) =>
    presentation(new TextEncoder().encode(TEXT), cryptoApiKeys(password)),
};

const latin1 = (octets: Uint8Array | undefined) => new TextDecoder("latin1").decode(octets);

for (const [way, make] of Object.entries(documents)) {
  Deno.test(`unole() opens ${way} with the password, and says so without`, () => {
    const document = make(PASSWORD);
    const closed = openAll(unole, document, { passwords: ["wrong"] });
    assert.deepEqual(closed.breaches, ["encrypted"]);
    assert.ok(closed.entries.every(({ content }) => !latin1(content).includes(TEXT)));
    const { entries, breaches } = openAll(unole, document, {
      passwords: ["wrong", PASSWORD],
      names: ["a.docx"],
    });
    assert.deepEqual(breaches, []);
    const [found] = entries.filter(({ encrypted }) => encrypted);
    if (latin1(found?.content).startsWith("PK")) {
      assert.deepEqual(found?.content, ZIP);
      assert.deepEqual(found?.names, ["a.docx"]);
    } else assert.ok(entries.some(({ content }) => latin1(content).includes(TEXT)));
  });
  Deno.test(`unole() opens ${way} by itself where the program's own password was taken`, () => {
    const { entries, breaches } = openAll(unole, make("VelvetSweatshop"));
    assert.deepEqual(breaches, []);
    assert.ok(entries.every(({ encrypted }) => !encrypted), "nobody is asked for a password");
  });
}

Deno.test("unole() tries no key that takes more rounds than are allowed", () => {
  const few = agileDocument(ZIP, PASSWORD, { rounds: 10 });
  assert.deepEqual(openAll(unole, few, { passwords: [PASSWORD] }).breaches, []);
  const text = latin1(few)
    .replace('spinCount="10" saltSize="16"', 'spinCount="99999999"'.padEnd(28));
  const many = Uint8Array.from(text, (character) => character.charCodeAt(0));
  inTime(2000, () => {
    assert.deepEqual(openAll(unole, many, { passwords: [PASSWORD] }).breaches, ["encrypted"]);
  });
});

Deno.test("unole() stops trying passwords after a part of the time limit", () => {
  const passwords = Array.from({ length: 300 }, (_, i) => `wrong ${i}`);
  const document = agileDocument(ZIP, PASSWORD);
  inTime(5000, () => {
    const { breaches } = openAll(unole, document, { passwords, limits: { timeMs: 2000 } });
    assert.deepEqual(breaches, ["encrypted"]);
  });
});

/** Worked out step by step over the specification's whole matrix; the first verifier and key are those of Excel's own files. */
const XOR_EXAMPLES = [
  ["VelvetSweatshop", 0x9a0a, 0xb359, "876b9ae21ee305621e699660986e9404"],
  ["Heslo", 0xc7f2, 0xb588, "6068fdecf307bb251925bb0604da1b5d"],
  ["abcd", 0xca5d, 0x2cf6, "cb27ca24a6e9844b84e9a7567b49fc16"],
] as const;
for (const [password, verifier, key, array] of XOR_EXAMPLES) {
  Deno.test(`The key of XOR obfuscation by ${password} is that of the specification`, () => {
    const octets = xorPassword(password);
    assert.ok(octets);
    assert.deepEqual([xorVerifier(octets), xorKey(octets)], [verifier, key]);
    assert.deepEqual(xorArray(octets), hex(array));
  });
}

Deno.test("decipherOffice() never throws, whatever the octets", () => {
  const seeds = Object.entries(documents).filter(([way]) =>
    !/Agile, SHA-(1|512)|Standard/.test(way)
  )
    .map(([, make]) => make(PASSWORD));
  checkAnyOctets(unole, seeds, { passwords: [PASSWORD] });
});
