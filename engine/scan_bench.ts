/** What a scan costs: `deno bench -A engine/scan_bench.ts`. */
import { builtinModules } from "./detect/modules.ts";
import { type BytePattern, literalPieces } from "./detect/pattern.ts";
import { PatternSet } from "./detect/pattern_set.ts";
import { PartCache } from "./part_cache.ts";
import { zipOf } from "./clean/testing/archives.ts";
import { scan, scanRemembering } from "./scan.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const WORDS = "the quick brown fox jumps over a lazy dog and goes on to other things".split(" ");

/** The same octets in each run: mulberry32. */
function* numbers(seed = 1): Generator<number> {
  for (let state = seed;;) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    yield (mixed ^ (mixed >>> 14)) >>> 0;
  }
}

function text(octets: number): string {
  const source = numbers();
  let all = "";
  for (let line = 0; all.length < octets; line++) {
    all += `${WORDS[source.next().value % WORDS.length]}${line % 12 === 11 ? "\r\n" : " "}`;
  }
  return all.slice(0, octets);
}

function random(octets: number, seed = 1): Uint8Array {
  const source = numbers(seed);
  return Uint8Array.from({ length: octets }, () => source.next().value);
}

const HEADER = "Received: from a.example by b.example; Mon, 1 Jan 2024 00:00:00 +0000\r\n" +
  "From: A <a@example.org>\r\nTo: b@example.net\r\nSubject: hello\r\nMIME-Version: 1.0\r\n";

function plainMail(octets: number): Uint8Array {
  return encode(`${HEADER}Content-Type: text/plain\r\n\r\n${text(octets)}`);
}

function attachmentMail(octets: number): Uint8Array {
  const body = btoa(String.fromCharCode(...random(octets * 0.73 >> 0))).replace(/.{76}/g, "$&\r\n");
  return encode(
    `${HEADER}Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\n${
      text(500)
    }\r\n--b\r\n` +
      `Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}\r\n--b--\r\n`,
  );
}

const limits = {
  messageOctets: 5e7,
  depth: 10,
  files: 1e4,
  octets: 3e8,
  ratio: 250,
  timeMs: 20_000,
};
const mails = {
  "4 KiB text": plainMail(3900),
  "4 KiB attachment": attachmentMail(3000),
  "60 KiB text": plainMail(61_000),
  "60 KiB attachment": attachmentMail(60_000),
};
for (const [name, mail] of Object.entries(mails)) {
  Deno.bench(`scan ${name}`, { group: "scan" }, () => {
    scan(mail, { mode: "mail", antivirus: true, antispam: true, limits }, builtinModules());
  });
}

/** A mailing: the same attachment again and again, each time in a message of its own. */
const manyPatterns = random(10_000 * 24, 77);
const loaded = {
  ...builtinModules(),
  patterns: [
    new PatternSet(Array.from({ length: 10_000 }, (_, i): BytePattern => ({
      name: `P${i}`,
      severity: "infected",
      pieces: literalPieces(manyPatterns.subarray(i * 24, i * 24 + 24)),
    }))),
  ],
};
const attached = {
  "random octets": random(44_000),
  "a zip of texts": zipOf(
    Array.from({ length: 6 }, (_, i) => ({ name: `${i}.txt`, content: encode(text(25_000 + i)) })),
  ),
};
for (const [name, content] of Object.entries(attached)) {
  const cache = new PartCache();
  let copy = 0;
  const settings = { mode: "mail", antivirus: true, antispam: true, limits } as const;
  const next = () => {
    const body = btoa(String.fromCharCode(...content)).replace(/.{76}/g, "$&\r\n");
    return encode(
      `${HEADER}Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nDear reader ${++copy}\r\n--b\r\n` +
        `Content-Type: application/octet-stream; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n${body}\r\n--b--\r\n`,
    );
  };
  const copies = Array.from({ length: 50 }, next);
  for (const [how, kept] of [["anew", undefined], ["from memory", cache]] as const) {
    Deno.bench(`60 KiB attachment, ${name}: ${how}`, { group: `attachment ${name}` }, () => {
      scanRemembering(copies[++copy % copies.length]!, settings, loaded, {}, kept);
    });
  }
}

const contents = { text: encode(text(4 << 20)), random: random(4 << 20) };
for (const count of [1, 1000, 10_000, 100_000]) {
  const source = random(count * 24, 77);
  const set = new PatternSet(Array.from({ length: count }, (_, i): BytePattern => ({
    name: `P${i}`,
    severity: "infected",
    pieces: literalPieces(source.subarray(i * 24, i * 24 + 24)),
  })));
  for (const [name, octets] of Object.entries(contents)) {
    Deno.bench(`search 4 MiB of ${name} for ${count}`, { group: `patterns in ${name}` }, () => {
      set.search(octets, "binary");
    });
  }
}
