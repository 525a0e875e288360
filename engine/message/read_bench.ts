/**
 * Speed of the reader alone on clean mail: `deno bench -A engine/message/read_bench.ts`. The names carry the size, so that MB/s is
 * size times iterations per second; a line with MB for each second of CPU time is printed for each as well, which hardly depends on
 * what else the machine does. 60 KiB mails are to be read at 200 MB/s or more.
 */
import process from "node:process";
import { Budget } from "../budget.ts";
import type { ScanLimits } from "../types.ts";
import { readMessage } from "./read.ts";

const LIMITS: ScanLimits = {
  messageOctets: 64e6,
  depth: 10,
  files: 10_000,
  octets: 200e6,
  ratio: 1_000,
  timeMs: 30_000,
};

const HEADER = [
  ...Array.from(
    { length: 6 },
    (_, i) =>
      `Received: from mx${i}.example.test (mx${i}.example.test [192.0.2.${i}])\r\n by gw.example.test with ESMTPS id ABC${i}; Mon, 12 Jan 2026 09:08:00 +0000`,
  ),
  "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.test; s=s1;\r\n h=from:to:subject:date; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n b=Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFy",
  "From: Alice Example <alice@example.test>",
  "To: Bob Example <bob@example.test>",
  "Subject: =?utf-8?Q?Sch=C3=B6ne_Gr=C3=BC=C3=9Fe?=",
  "Date: Mon, 12 Jan 2026 09:08:00 +0000",
  "Message-ID: <1027.213813@example.test>",
  "MIME-Version: 1.0",
].join("\r\n");

const SENTENCE = "This is an ordinary note about the meeting, in lines of common length.\r\n";

function base64(octets: number): string {
  const raw = new Uint8Array(octets);
  for (let i = 0; i < octets; i += 65_536) {
    crypto.getRandomValues(raw.subarray(i, Math.min(octets, i + 65_536)));
  }
  return btoa(String.fromCharCode(...raw)).replace(/.{76}/g, "$&\r\n");
}

/** Text and one attachment, of about the size. */
function mixed(octets: number): Uint8Array {
  return new TextEncoder().encode(
    `${HEADER}\r\nContent-Type: multipart/mixed; boundary="----=_Part_1"\r\n\r\n` +
      `------=_Part_1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${SENTENCE.repeat(20)}` +
      `\r\n------=_Part_1\r\nContent-Type: application/pdf; name="report.pdf"\r\n` +
      `Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="report.pdf"` +
      `\r\n\r\n${
        base64(Math.max(100, Math.floor((octets - 3_500) * 0.73)))
      }\r\n------=_Part_1--\r\n`,
  );
}

/** Plain text, of about the size. */
function text(octets: number): Uint8Array {
  return new TextEncoder().encode(
    `${HEADER}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${
      SENTENCE.repeat(Math.floor(octets / SENTENCE.length))
    }`,
  );
}

const GREETING = "Sch=C3=B6ne Gr=C3=BC=C3=9Fe, ein Satz mit ein paar Zeichen =\r\n";
/** A table's cell as mailings have it. */
const CELL = '<td align=3D"center" valign=3D"top" style=3D"padding:12px 18px;font-family:A=\r\n' +
  'rial,sans-serif;color:#333333;"><a href=3D"https://example.test/c?u=3D9f8a7&=\r\n' +
  'id=3D12bc" target=3D"_blank">Jetzt ansehen =E2=80=93 Angebote f=C3=BCr Sie</=\r\na></td>\r\n';

/** Text and HTML in quoted-printable, of about the size. */
function quoted(octets: number, line: string): Uint8Array {
  const body = line.repeat(Math.floor(octets / 2 / line.length));
  const part = (type: string) =>
    `--b\r\nContent-Type: ${type}; charset=utf-8\r\n` +
    `Content-Transfer-Encoding: quoted-printable\r\n\r\n${body}\r\n`;
  return new TextEncoder().encode(
    `${HEADER}\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n` +
      `${part("text/plain")}${part("text/html")}--b--\r\n`,
  );
}

const CASES: Readonly<Record<string, Uint8Array>> = {
  "4 KiB mixed": mixed(4_096),
  "60 KiB mixed": mixed(61_440),
  "60 KiB text": text(61_440),
  "60 KiB quoted-printable": quoted(61_440, GREETING),
  "60 KiB quoted-printable HTML": quoted(61_440, CELL),
  "140 KiB mixed": mixed(143_360),
};

for (const [name, octets] of Object.entries(CASES)) {
  const run = () => readMessage(octets, new Budget(LIMITS)).parts.length;
  for (let i = 0; i < 300; i++) run();
  const rounds = Math.max(20, Math.floor(60e6 / octets.length));
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) run();
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  console.log(
    `${name} (${octets.length} octets): ${
      (octets.length * rounds / 1e6 / seconds).toFixed(0)
    } MB for a second of CPU`,
  );
  Deno.bench(`readMessage() ${name}, ${octets.length} octets`, { group: "read" }, () => {
    run();
  });
}
