import assert from "node:assert/strict";
import { constants, deflateRawSync, gzipSync } from "node:zlib";
import { inTime } from "../tests/in_time.ts";
import { EICAR } from "./detect/eicar.ts";
import { HashList } from "./detect/hash_list.ts";
import { builtinModules, type Modules } from "./detect/modules.ts";
import { literalPieces } from "./detect/pattern.ts";
import { PatternSet } from "./detect/pattern_set.ts";
import { scan } from "./scan.ts";
import { GTUBE } from "./spam/gtube.ts";
import type { ScanLimits, ScanSettings, Verdict } from "./types.ts";
import { makeTar, makeZip } from "./unpack/fixtures.ts";
import { concat } from "./unpack/octets.ts";
import { WIDE_LIMITS } from "../tests/scan_settings.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const eicar = encode(EICAR);
const clean = encode("an ordinary text");

function look(
  octets: Uint8Array,
  more: Partial<ScanSettings> & { at?: Partial<ScanLimits>; modules?: Modules } = {},
): Verdict {
  const { at, modules, ...settings } = more;
  return scan(octets, {
    mode: "auto",
    antivirus: true,
    antispam: true,
    limits: { ...WIDE_LIMITS, ...at },
    ...settings,
  }, modules ?? builtinModules());
}
const told = ({ status, findings, notScanned }: Verdict) => [
  status,
  findings.map(({ name, part }) => `${name} ${part}`),
  notScanned,
];

function mail(parts: readonly { type: string; name?: string; body: Uint8Array }[]): Uint8Array {
  const lines = [
    "From: a@example.org\r\nTo: b@example.org\r\nSubject: Hello\r\nMessage-ID: <1@example.org>\r\n",
    'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n',
  ];
  for (const { type, name, body } of parts) {
    const base64 = btoa(String.fromCharCode(...body)).replace(/.{76}/g, "$&\r\n");
    lines.push(
      `--b\r\nContent-Type: ${type}${name ? `; name="${name}"` : ""}\r\n`,
      `Content-Transfer-Encoding: base64\r\n\r\n${base64}\r\n`,
    );
  }
  return encode(lines.join("") + "--b--\r\n");
}

const zipInZip = makeZip([{
  name: "inner.zip",
  content: makeZip([{ name: "eicar.com", content: eicar }]),
}]);
const NAME = "Eicar-Test-Signature";

const cases: { name: string; octets: Uint8Array; want: unknown[] }[] = [
  { name: "text", octets: clean, want: ["clean", [], []] },
  { name: "nothing", octets: new Uint8Array(0), want: ["clean", [], []] },
  { name: "the test file", octets: eicar, want: ["infected", [`${NAME} `], []] },
  {
    name: "the test file in a zip in a zip",
    octets: zipInZip,
    want: ["infected", [`${NAME} /inner.zip/eicar.com`], []],
  },
  {
    name: "the test file in a zip in a zip in a mail",
    octets: mail([{ type: "text/plain", body: clean }, {
      type: "application/zip",
      name: "a.zip",
      body: zipInZip,
    }]),
    want: ["infected", [`${NAME} 2/inner.zip/eicar.com`], []],
  },
  {
    name: "the test file in a tar.gz in a mail in a zip",
    octets: makeZip([{
      name: "mail.eml",
      content: mail([{
        type: "application/gzip",
        name: "x.tgz",
        body: gzipSync(makeTar([{ name: "dir/eicar.com", content: eicar }])),
      }]),
    }]),
    want: ["infected", [`${NAME} /mail.eml/1/x.tar/dir/eicar.com`], []],
  },
  {
    name: "the same file twice: both are told",
    octets: makeZip([{ name: "a.com", content: eicar }, { name: "b.com", content: eicar }]),
    want: ["infected", [`${NAME} /a.com`, `${NAME} /b.com`], []],
  },
  {
    name: "the same archive twice: its finding is told at the second as a whole",
    octets: mail([
      { type: "application/zip", name: "a.zip", body: zipInZip },
      { type: "application/zip", name: "b.zip", body: zipInZip },
    ]),
    want: ["infected", [`${NAME} 1/inner.zip/eicar.com`, `${NAME} 2`], []],
  },
  {
    name: "an encrypted member",
    octets: makeZip([{ name: "letter.txt", content: clean, flags: 1, crc: 9 }]),
    want: ["notScanned", [], ["encrypted"]],
  },
  {
    name: "an encrypted program",
    octets: makeZip([{ name: "letter.exe", content: clean, flags: 1, crc: 9 }]),
    want: ["suspicious", ["Heuristic.EncryptedProgram /letter.exe"], ["encrypted"]],
  },
  {
    name: "a container that is not opened",
    octets: concat([encode("LRZI"), new Uint8Array(100)]),
    want: ["notScanned", [], ["unsupported"]],
  },
  {
    name: "an archive behind a picture",
    octets: concat([encode("GIF89a............"), makeZip([{ name: "e.com", content: eicar }])]),
    want: ["infected", [`${NAME} /e.com`], []],
  },
];
for (const { name, octets, want } of cases) {
  Deno.test(`scan() of ${name}`, { permissions: "none" }, () => {
    assert.deepEqual(told(look(octets)), want);
  });
}

Deno.test("scan() lists the parts in pre-order, each under a path of its own", () => {
  const octets = mail([
    { type: "text/plain", body: clean },
    {
      type: "application/zip",
      name: "a.zip",
      body: makeZip([{ name: "x", content: clean }, { name: "x", content: encode("y") }]),
    },
  ]);
  const { parts } = look(octets, { mode: "mail" });
  assert.deepEqual(parts.map(({ path, parent, kind, type }) => [path, parent, kind, type]), [
    ["", undefined, "root", "message"],
    ["1", "", "part", "text"],
    ["2", "", "part", "zip"],
    ["2/x", "2", "entry", "text"],
    ["2/x#1", "2", "entry", "text"],
  ]);
});

Deno.test("scan() gives subject, message id, layout and the headers asked for", () => {
  const verdict = look(mail([{ type: "text/plain", body: clean }]), {
    mode: "mail",
    headers: ["from"],
  });
  assert.equal(verdict.subject, "Hello");
  assert.equal(verdict.messageId, "<1@example.org>");
  assert.deepEqual(verdict.headers, [{ name: "from", value: "a@example.org" }]);
  assert.ok(verdict.layout);
  assert.equal(look(clean).layout, undefined);
});

Deno.test("scan() of a message on GTUBE, also coded and in a part of another type", () => {
  const spam = mail([{ type: "text/html", body: encode(`<p>${GTUBE}</p>`) }]);
  assert.deepEqual(look(spam, { mode: "mail" }).spam, {
    score: 1000,
    symptoms: [{ name: "GTUBE", points: 1000 }],
  });
  assert.equal(look(spam, { mode: "mail", antispam: false }).spam, undefined);
  assert.equal(look(spam, { mode: "mail" }).status, "clean");
});

Deno.test("scan() without antivirus finds nothing and opens nothing, but lists the parts", () => {
  const octets = mail([{ type: "application/zip", name: "a.zip", body: zipInZip }]);
  const verdict = look(octets, { mode: "mail", antivirus: false, antispam: false });
  assert.deepEqual(told(verdict), ["clean", [], []]);
  assert.deepEqual(verdict.parts.map(({ path }) => path), ["", "1"]);
});

Deno.test("scan() knows content by hash, and lets known good content pass", () => {
  const row = { name: "Known", digest: look(clean).sha256 };
  const list = new HashList([row]);
  const modules = { ...builtinModules(), hashes: [list] };
  assert.deepEqual(told(look(makeZip([{ name: "a", content: clean }]), { modules })), [
    "infected",
    ["Known /a"],
    [],
  ]);
  const good = new HashList([{ name: "Good", digest: row.digest }]);
  assert.equal(look(clean, { modules: { ...modules, good: [good] } }).status, "clean");
});

let nested: Uint8Array = eicar;
for (let level = 1; level <= 5; level++) nested = makeZip([{ name: `${level}`, content: nested }]);
const ten = makeZip(
  Array.from({ length: 10 }, (_, i) => ({ name: `${i}`, content: encode(`text ${i}`) })),
);
const two = makeZip([{ name: "a", content: new Uint8Array(500) }, {
  name: "b",
  content: new Uint8Array(500).fill(1),
}]);
const limits: {
  name: string;
  octets: Uint8Array;
  at: Partial<ScanLimits>;
  want: Verdict["notScanned"];
}[] = [
  { name: "exactly deep enough", octets: nested, at: { depth: 5 }, want: [] },
  { name: "one level too deep", octets: nested, at: { depth: 4 }, want: ["depth"] },
  { name: "as many files as allowed", octets: ten, at: { files: 10 }, want: [] },
  { name: "one file too many", octets: ten, at: { files: 9 }, want: ["files"] },
  { name: "as many octets as allowed", octets: two, at: { octets: 1000 }, want: [] },
  { name: "one octet too many", octets: two, at: { octets: 999 }, want: ["octets"] },
  { name: "as large as allowed", octets: clean, at: { messageOctets: clean.length }, want: [] },
  {
    name: "one octet too large",
    octets: clean,
    at: { messageOctets: clean.length - 1 },
    want: ["size"],
  },
  { name: "no time", octets: ten, at: { timeMs: 0 }, want: ["time"] },
];
for (const { name, octets, at, want } of limits) {
  Deno.test(`scan() of an object that is ${name}`, () => {
    const verdict = look(octets, { at });
    assert.deepEqual(verdict.notScanned, want);
    if (verdict.findings.length === 0) {
      assert.equal(verdict.status, want.length ? "notScanned" : "clean");
    }
  });
}

Deno.test("scan() of a message over the size limit still tells where its header ends", () => {
  const octets = mail([{ type: "text/plain", body: clean }]);
  const verdict = look(octets, { mode: "mail", at: { messageOctets: 10 } });
  assert.deepEqual(told(verdict), ["notScanned", [], ["size"]]);
  assert.deepEqual(verdict.layout, look(octets, { mode: "mail" }).layout);
});

Deno.test("scan() stops 300 MB of zeros in gzip early", () => {
  // pieces that end without a last block, one behind the other, are one stream
  const piece = deflateRawSync(new Uint8Array(1_000_000), { finishFlush: constants.Z_FULL_FLUSH });
  const bomb = concat([gzipSync("").subarray(0, 10), ...Array.from({ length: 300 }, () => piece)]);
  inTime(3000, () => {
    const verdict = look(bomb, { at: { ratio: 50 } });
    assert.deepEqual(told(verdict), ["notScanned", [], ["ratio"]]);
  });
});

Deno.test("scan() of an archive of many large members ends at the octets of the budget", () => {
  const zeros = new Uint8Array(1_000_000);
  const octets = makeZip(Array.from({ length: 50 }, (_, i) => ({ name: `${i}`, content: zeros })));
  const verdict = look(octets, { at: { octets: 10_000_000, ratio: 1e6 } });
  assert.deepEqual(told(verdict), ["notScanned", [], ["octets"]]);
});

Deno.test("scan() finds signatures for text in parts that stand in a message as they are", () => {
  const pattern = {
    name: "Text",
    severity: "infected",
    target: 7,
    pieces: literalPieces(encode("buy this thing now")),
  } as const;
  const modules = { ...builtinModules(), patterns: [new PatternSet([pattern])] };
  for (const body of ["Hello, buy this thing now", "Hello, BUY this  thing\r\nnow"]) {
    const { findings } = look(encode(`From: a@example.org\r\nSubject: x\r\n\r\n${body}\r\n`), {
      modules,
    });
    assert.deepEqual(findings.map(({ name }) => name), ["Text"]);
  }
});
