/** S/MIME content and Macintosh files: what a mail program opens without asking. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { builtinModules } from "../detect/modules.ts";
import { EICAR, TEST_LIMITS } from "../message/fixtures/testing.ts";
import { scan } from "../scan.ts";

const OIDS = {
  signed: "2a864886f70d010702",
  enveloped: "2a864886f70d010703",
  data: "2a864886f70d010701",
};
const INNER =
  `Content-Type: application/octet-stream; name=a.com\r\nContent-Transfer-Encoding: base64\r\n\r\n${
    btoa(EICAR)
  }\r\n`;

/** One value in DER, or with an indefinite length. */
function value(tag: number, content: readonly Uint8Array[], indefinite = false): Uint8Array {
  const octets = Buffer.concat(content);
  if (indefinite) return Buffer.concat([Buffer.from([tag, 0x80]), octets, Buffer.from([0, 0])]);
  const size = Buffer.from(octets.length.toString(16).replace(/^(?=(?:..)*.$)/, "0"), "hex");
  const length = octets.length < 128 ? [octets.length] : [0x80 + size.length, ...size];
  return Buffer.concat([Buffer.from([tag, ...length]), octets]);
}
const oid = (hex: string) => value(6, [Buffer.from(hex, "hex")]);

function cms(kind: keyof typeof OIDS, content: string, indefinite = false): Uint8Array {
  const octets = Buffer.from(content);
  const string = indefinite
    ? value(0x24, [value(4, [octets.subarray(0, 40)]), value(4, [octets.subarray(40)])], true)
    : value(4, [octets]);
  const inner = value(0x30, [oid(OIDS.data), value(0xa0, [string], indefinite)], indefinite);
  const body = value(0x30, [value(2, [Buffer.from([1])]), value(0x31, []), inner], indefinite);
  return new Uint8Array(
    value(0x30, [oid(OIDS[kind]), value(0xa0, [body], indefinite)], indefinite),
  );
}

/** Signed content with other forms of its first tags and lengths; `octets` are those of the length, zeros in front. */
function signedIn(tag: string, octets: number, oidHead: string): Uint8Array {
  const der = Buffer.from(cms("signed", INNER));
  const first = der.indexOf(Buffer.from(OIDS.signed, "hex"));
  const content = Buffer.concat([Buffer.from(oidHead, "hex"), der.subarray(first)]);
  const length = Buffer.alloc(1 + octets);
  length[0] = 0x80 + octets;
  length.writeUIntBE(content.length, Math.max(1, octets - 5), Math.min(octets, 6));
  return new Uint8Array(Buffer.concat([Buffer.from(tag, "hex"), length, content]));
}

function appleFile(magic: string, forks: readonly [number, string][]): Uint8Array {
  const header = Buffer.alloc(26 + forks.length * 12);
  header.write(magic, 0, "hex");
  header.writeUInt16BE(forks.length, 24);
  let at = header.length;
  for (const [i, [kind, text]] of forks.entries()) {
    header.writeUInt32BE(kind, 26 + i * 12);
    header.writeUInt32BE(at, 30 + i * 12);
    header.writeUInt32BE(text.length, 34 + i * 12);
    at += text.length;
  }
  return new Uint8Array(
    Buffer.concat([header, Buffer.from(forks.map(([, text]) => text).join(""))]),
  );
}

function scanned(octets: Uint8Array) {
  const settings = { mode: "file", antivirus: true, antispam: false, limits: TEST_LIMITS } as const;
  return scan(octets, settings, builtinModules());
}

const rows: { name: string; octets: Uint8Array; status: string }[] = [
  { name: "signed content", octets: cms("signed", INNER), status: "infected" },
  {
    name: "signed content in pieces without lengths",
    octets: cms("signed", INNER, true),
    status: "infected",
  },
  {
    name: "short signed content",
    octets: cms("signed", "Content-Type: text/plain\r\n\r\nx"),
    status: "clean",
  },
  { name: "a length with a zero in front", octets: signedIn("30", 5, "0609"), status: "infected" },
  { name: "a length of eight octets", octets: signedIn("30", 8, "0609"), status: "infected" },
  { name: "a length of 126 octets", octets: signedIn("30", 126, "0609"), status: "infected" },
  { name: "a long length of the type", octets: signedIn("30", 2, "068109"), status: "infected" },
  { name: "long lengths of both", octets: signedIn("30", 4, "068400000009"), status: "infected" },
  { name: "long tags", octets: signedIn("3f10", 3, "1f0609"), status: "infected" },
  { name: "long tags with zeros", octets: signedIn("3f8010", 3, "1f80800609"), status: "infected" },
  { name: "encrypted content", octets: cms("enveloped", "x".repeat(300)), status: "notScanned" },
  {
    name: "PEM",
    octets: Buffer.from(
      `-----BEGIN PKCS7-----\n${
        Buffer.from(cms("signed", INNER)).toString("base64")
      }\n-----END PKCS7-----\n`,
    ),
    status: "infected",
  },
  {
    name: "AppleSingle",
    octets: appleFile("0005160000020000", [[3, "a.com"], [1, EICAR]]),
    status: "infected",
  },
  {
    name: "a resource fork",
    octets: appleFile("0005160700020000", [[2, EICAR]]),
    status: "infected",
  },
  {
    name: "an AppleDouble without forks",
    octets: appleFile("0005160700020000", [[3, "a"]]),
    status: "clean",
  },
];
for (const { name, octets, status } of rows) {
  Deno.test(`scan() opens ${name}`, { permissions: "none" }, () => {
    assert.equal(scanned(octets).status, status);
  });
}

Deno.test("scan() shows the name inside an AppleSingle", { permissions: "none" }, () => {
  const { parts } = scanned(appleFile("0005160000020000", [[3, "tool.exe"], [1, "text"]]));
  assert.ok(parts.some(({ names }) => names[0] === "tool.exe"));
});

Deno.test("scan() survives any change of a signed content", () => {
  const whole = cms("signed", INNER, true);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = whole.slice();
      changed[at] = changed[at]! ^ flip;
      scanned(changed);
      scanned(whole.subarray(0, at));
    }),
    { numRuns: 200 },
  );
});

Deno.test("scan() shows the name that an attached message goes by", { permissions: "none" }, () => {
  const mail = [
    "Content-Type: multipart/mixed; boundary=b",
    "",
    "--b",
    'Content-Type: message/rfc822; name="offer.eml"',
    "",
    "From: a@sender.test",
    "Subject: inner",
    "",
    "text",
    "--b--",
    "",
  ].join("\r\n");
  const settings = { mode: "mail", antivirus: true, antispam: false, limits: TEST_LIMITS } as const;
  const { parts } = scan(Buffer.from(mail), settings, builtinModules());
  const [message] = parts.filter(({ names }) => names[0] === "offer.eml");
  assert.equal(message?.type, "message");
  assert.ok(parts.some(({ parent }) => parent === message.path));
});
