import assert from "node:assert/strict";
import { builtinModules } from "../../engine/detect/modules.ts";
import { scan } from "../../engine/scan.ts";
import { EICAR, zippedMail } from "../../tests/mail.ts";
import { explain } from "./explain.ts";

const LIMITS = {
  messageOctets: 10_000,
  depth: 3,
  files: 10,
  octets: 1e6,
  ratio: 1000,
  timeMs: 60_000,
};

function explained(octets: Uint8Array): string {
  const settings = { mode: "mail", antivirus: true, antispam: true, limits: LIMITS } as const;
  return explain("a.eml", scan(octets, settings, builtinModules()), LIMITS)
    .replace(/[0-9a-f]{64}/g, "HASH").replace(/[\d.]+ ms/g, "N ms");
}

Deno.test("explain() draws the tree with what was found, and the limits that were near", () => {
  const text = explained(zippedMail("id", new TextEncoder().encode(EICAR), 2));
  for (
    const piece of [
      /^a\.eml: infected, \d+ octets\nthe whole: message, \d+ octets\n/,
      /\n├─ 1: text \(says text\/plain\), \d+ octets\n│ {7}sha256: HASH\n/,
      /\n└─ 2: zip \(says application\/octet-stream\), \d+ octets, by base64\n/,
      /names: "archive\.zip"\n/,
      /\n {3}└─ level-1\.zip: zip, /,
      /\n {6}└─ inner\.com: /,
      /INFECTED: Eicar-Test-Signature, found by \w+/,
      /\nSpam: 0 points\n/,
      /\nCost: parse N ms, /,
      /\n {2}nesting: 2 of 3 {2}NEAR\n/,
      /\n {2}time: N ms of N ms\n/,
    ]
  ) assert.match(text, piece);
});

Deno.test("explain() says what external engines said", () => {
  const settings = { mode: "mail", antivirus: true, antispam: false, limits: LIMITS } as const;
  const verdict = scan(new TextEncoder().encode("Subject: x\r\n\r\n"), settings, builtinModules());
  const engines = [
    { name: "clamd", status: "clean", ms: 3.2 },
    { name: "icap", status: "notScanned", reason: "time", ms: 30_000 },
  ] as const;
  assert.match(
    explain("a.eml", { ...verdict, engines }, LIMITS),
    /\n *clamd: clean, 3 ms\n *icap: not scanned \(time\), 30000 ms\n/,
  );
});

Deno.test("explain() says what an ambiguity is, shows each reading, and lets nothing reach the terminal", () => {
  const text = explained(
    new TextEncoder().encode(
      'Content-Type: text/plain; name="a\x1b[31m\u202eb"\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD=QUJD\r\n',
    ),
  );
  assert.match(
    text,
    /malformed-base64 in the message\n {4}Base64 that readers decode differently\./,
  );
  assert.match(text, /read otherwise: text/);
  assert.match(text, /by base64\//);
  assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\u202e]/u);
});
