/** Files that are several things at once, and octets that come twice: each way in which a program would read them is scanned. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deflateSync, gzipSync } from "node:zlib";
import { zipOf } from "./clean/testing/archives.ts";
import { EICAR } from "./detect/eicar.ts";
import { builtinModules } from "./detect/modules.ts";
import { PartCache } from "./part_cache.ts";
import { scan, scanRemembering } from "./scan.ts";
import { loadSevenZip } from "./scanner/sevenzip_file.ts";
import { crc32 } from "./unpack/crc32.ts";
import { makeTar } from "./unpack/fixtures.ts";
import { virusScan } from "../tests/scan_settings.ts";

type Piece = string | Uint8Array;

const TOOLS = { sevenZip: loadSevenZip() };
const SETTINGS = virusScan("mail");
const MIME =
  'From: a@b.c\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="bbb"\r\n\r\n';

/** Octets of text and octets. */
function join(...pieces: readonly Piece[]): Buffer {
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece as string, "latin1")));
}

function attachment(name: string, content: Piece): string {
  return `--bbb\r\nContent-Type: application/octet-stream; name="${name}"\r\n` +
    "Content-Transfer-Encoding: base64\r\n\r\n" +
    `${join(content).toString("base64").replace(/.{76}/g, "$&\r\n")}\r\n`;
}

function mail(...files: readonly (readonly [name: string, content: Piece])[]): Buffer {
  const parts = files.map(([name, content]) => attachment(name, content)).join("");
  return join(MIME, "--bbb\r\nContent-Type: text/plain\r\n\r\nhello\r\n", parts, "--bbb--\r\n");
}

const eicar = join(EICAR);
const packed = gzipSync(eicar);
const zip = zipOf([{ name: "eicar.com", content: eicar }]);
const file = (name: string, content: Piece) => ({ name, content: join(content) });
const hello = file("readme.txt", "hello\n");

/** A PDF whose embedded file is the test file, twice packed: `start` stands in its first line. */
function pdf(start = ""): Buffer {
  const data = join(deflateSync(eicar).toString("hex"), ">");
  const filters = "/Filter[/ASCIIHexDecode/FlateDecode]";
  return join(
    `%PDF-1.4${start}\n1 0 obj<</Type/EmbeddedFile${filters}/Length ${data.length}>>\nstream\n`,
    data,
    "\nendstream\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
  );
}

/** 7z with nothing in it. */
function emptySevenZip(): Buffer {
  const crc = Buffer.alloc(4);
  crc.writeUInt32LE(crc32(new Uint8Array(20)));
  return join("7z\xbc\xaf\x27\x1c\0\x04", crc, new Uint8Array(20));
}

/** A compound file of one sector that has nothing in it. */
const OLE = join("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", new Uint8Array(1016));

function uuencoded(name: string, content: Uint8Array): string {
  const lines = [];
  for (let at = 0; at < content.length; at += 45) {
    const piece = content.subarray(at, at + 45);
    let line = String.fromCharCode(32 + piece.length);
    for (let i = 0; i < piece.length; i += 3) {
      const [a = 0, b = 0, c = 0] = piece.subarray(i, i + 3);
      for (const six of [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63]) {
        line += six === 0 ? "`" : String.fromCharCode(32 + six);
      }
    }
    lines.push(line);
  }
  return `begin 644 ${name}\n${lines.join("\n")}\n\`\nend\n`;
}

/** The text of a page that is a PDF as soon as its references are written out: then it is looked at as text alone. */
const asText = pdf(" <html>").toString("latin1").replace(
  /^.{9}/,
  (start) => Array.from(start, (c) => `&#${c.charCodeAt(0)};`).join(""),
);
const tarNamedGif = makeTar([file("GIF89a.txt", "hello\n"), file("eicar.gz", packed)]);
const header = "From: a@b.c\r\nTo: d@e.f\r\nMIME-Version: 1.0\r\n";
const inner = (subject: string) =>
  join(`Subject: ${subject}\r\n`, header, attachment("eicar.gz", packed).replace(/^.*\r\n/, ""));
const dummy = "--dummy\r\nContent-Type: text/plain\r\n\r\nx\r\n--dummy--\r\n";

const undelimited = join(
  header,
  "Content-Type: multipart/mixed; boundary=real\r\n\r\n",
  dummy,
  "--real\r\nX-A: b\r\n",
  attachment("eicar.gz", packed).replace(/^.*\r\n/, ""),
  "--real--\r\n",
);

const rows: Readonly<Record<string, Uint8Array>> = {
  "tar whose first name is that of a picture": mail(["x.tar", tarNamedGif]),
  "such a tar in gzip": mail(["x.tgz", gzipSync(tarNamedGif)]),
  "mail with a tag in its subject": mail(["x.eml", inner("<html> x")]),
  "mail with a line of Basic in its header": mail(["x.eml", inner("\r\n Dim x")]),
  "PDF behind the magic of GIF": mail(["x.pdf", join("GIF89a\n", pdf())]),
  "PDF behind the magic of PostScript": mail(["x.pdf", join("%!PS\n", pdf())]),
  "page behind the magic of GIF": mail([
    "x.html",
    join(`GIF89a<html><a href="data:application/gzip;base64,${packed.toString("base64")}">`),
  ]),
  "mail with a control octet": mail(["x.eml", join("Subject: \0\r\n", inner("x"))]),
  "zip behind a tar": mail(["x.zip", join(makeTar([hello]), zip)]),
  "zip behind an empty 7z": mail(["x.zip", join(emptySevenZip(), zip)]),
  "zip behind a compound file": mail(["x.zip", join(OLE, zip)]),
  "zip behind the lead of an RPM": mail([
    "x.zip",
    join("\xed\xab\xee\xdb", new Uint8Array(92), zip),
  ]),
  "file that the text before it hides": mail(["h.html", asText], ["x.pdf", pdf(" <html>")]),
  "mail with delimiters of nobody": mail(["x.eml", undelimited]),
  "zip behind text with a uuencoded file": mail([
    "x.zip",
    join("hello\r\n", uuencoded("a.txt", join("a")), "text text text\r\n".repeat(20), zip),
  ]),
  "uuencoded file with a control octet": mail([
    "x.uue",
    join(uuencoded("eicar.gz", packed), "\x01\n"),
  ]),
};
for (const [name, octets] of Object.entries(rows)) {
  Deno.test(`scan() finds what is in it: ${name}`, () => {
    assert.equal(scan(octets, SETTINGS, builtinModules(), TOOLS).status, "infected");
    const cache = new PartCache();
    for (let time = 0; time < 2; time++) {
      const again = scanRemembering(octets, SETTINGS, builtinModules(), TOOLS, cache);
      assert.equal(again.status, "infected");
    }
  });
}

Deno.test("scan() lists a file once that a container gives in two ways", () => {
  const good = zipOf([file("a.txt", "a text\n".repeat(100)), hello]);
  const tar = makeTar([file("good.zip", good)]);
  const { status, notScanned, parts } = scan(tar, virusScan("file"), builtinModules(), TOOLS);
  assert.deepEqual([status, ...notScanned], ["clean"]);
  assert.equal(parts.filter(({ names }) => names[0] === "a.txt").length, 1);
});

Deno.test("scan() opens what was only text in a part that it remembers", () => {
  const cache = new PartCache();
  const page = ["h.html", asText.padEnd(4000)] as const;
  for (let time = 0; time < 2; time++) {
    const { status } = scanRemembering(mail(page), SETTINGS, builtinModules(), TOOLS, cache);
    assert.equal(status, "clean");
  }
  const both = mail(page, ["x.pdf", pdf(" <html>").toString("latin1").padEnd(4000 - 5 * 9)]);
  assert.equal(scanRemembering(both, SETTINGS, builtinModules(), TOOLS, cache).status, "infected");
});

Deno.test("scan() says of each copy of a mail what is in it", () => {
  const eml = ["x.eml", undelimited] as const;
  const { findings } = scan(mail(eml, eml), SETTINGS, builtinModules(), TOOLS);
  assert.deepEqual([...new Set(findings.map(({ part }) => part.split("/")[0]))], ["2", "3"]);
});
