/** Encrypted archives and documents in mail whose text tells the password. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { builtinModules } from "./detect/modules.ts";
import { scan } from "./scan.ts";
import { loadSevenZip } from "./scanner/sevenzip_file.ts";
import { virusScan } from "../tests/scan_settings.ts";

const CORPUS = new URL("../../shared/corpus/", import.meta.url);
const TOOLS = { sevenZip: loadSevenZip() };
const SETTINGS = virusScan("mail");

interface Row {
  readonly file: string;
  readonly password?: string;
}

function encrypted(): readonly Required<Row>[] {
  try {
    const text = Deno.readTextFileSync(new URL("files/manifest.jsonl", CORPUS));
    return text.trim().split("\n").map((line): Row => JSON.parse(line))
      .flatMap(({ file, password }) =>
        password && /made\/.*\.(zip|7z|rar|pdf|arj)$/.test(file) && !/fake|plus/.test(file)
          ? [{ file, password }]
          : []
      );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function mail(text: string, archive: Uint8Array): Uint8Array {
  return new TextEncoder().encode([
    "From: a@example.org",
    "Subject: Your documents",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain; charset=utf-8",
    "",
    text,
    "--b",
    'Content-Type: application/octet-stream; name="documents.bin"',
    "Content-Transfer-Encoding: base64",
    "",
    Buffer.from(archive).toString("base64").replace(/.{76}/g, "$&\r\n"),
    "--b--",
    "",
  ].join("\r\n"));
}

const rows = encrypted();
for (const { file, password } of rows) {
  Deno.test(`${file} is opened with the password that the message tells, and not without`, () => {
    const archive = Deno.readFileSync(new URL(file, CORPUS));
    const told = mail(
      `Hello,\r\n\r\nplease find them attached. The password is: ${password}\r\n`,
      archive,
    );
    assert.equal(scan(told, SETTINGS, builtinModules(), TOOLS).status, "infected");
    const plain = mail("Hello, please find them attached.\r\n", archive);
    const { status, notScanned } = scan(plain, SETTINGS, builtinModules(), TOOLS);
    assert.ok(status === "notScanned" || status === "suspicious", status);
    assert.ok(notScanned.includes("encrypted"), notScanned.join());
    const settings = { ...SETTINGS, passwords: ["infected", password] };
    assert.equal(scan(plain, settings, builtinModules(), TOOLS).status, "infected");
  });
}
