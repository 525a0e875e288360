import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { latin1, message, octets, testBudget } from "./fixtures/testing.ts";
import { applyMarks, type Marks } from "./marks.ts";
import { readMessage } from "./read.ts";

function marked(input: Uint8Array, marks: Partial<Marks>): string {
  const { layout } = readMessage(input, testBudget());
  const chunks = applyMarks(input, layout, { fields: [], ...marks });
  return latin1(Buffer.concat(chunks));
}

const STATUS = { fields: [{ name: "X-Postern-Status", value: "clean" }] };

const rows: { name: string; input: Uint8Array; marks: Partial<Marks>; want: string }[] = [
  {
    name: "puts fields at the top",
    input: message("From: a", "", "x"),
    marks: STATUS,
    want: "X-Postern-Status: clean\r\nFrom: a\r\n\r\nx\r\n",
  },
  {
    name: "uses the message's own line end",
    input: octets("From: a\n\nx\n"),
    marks: STATUS,
    want: "X-Postern-Status: clean\nFrom: a\n\nx\n",
  },
  {
    name: "keeps an mbox line first",
    input: octets("From a b\nFrom: a\n\nx\n"),
    marks: STATUS,
    want: "From a b\nX-Postern-Status: clean\nFrom: a\n\nx\n",
  },
  {
    name: "puts an empty line between its fields and a message without header",
    input: message("just text", "", "x"),
    marks: STATUS,
    want: "X-Postern-Status: clean\r\n\r\njust text\r\n\r\nx\r\n",
  },
  {
    name: "uses the empty line that is there",
    input: message("", "x"),
    marks: STATUS,
    want: "X-Postern-Status: clean\r\n\r\nx\r\n",
  },
  {
    name: "cuts a forged field behind a bare CR and keeps the lines around it",
    input: message("X-A: 1\rX-Postern-Status: forged", "From: a", "", "x"),
    marks: {},
    want: "X-A: 1\r\r\nFrom: a\r\n\r\nx\r\n",
  },
  {
    name: "cuts forged fields of its own, folds and all",
    input: message(
      "X-POSTERN-Status: forged",
      " and folded",
      "From: a",
      "x-postern-Other : y",
      "",
      "X-Postern-Status: in the body",
    ),
    marks: STATUS,
    want: "X-Postern-Status: clean\r\nFrom: a\r\n\r\nX-Postern-Status: in the body\r\n",
  },
  {
    name: "lets no line end into a field",
    input: message("From: a", "", "x"),
    marks: { fields: [{ name: "X-Postern-Finding", value: "a\r\nBcc: b\0\rc" }] },
    want: "X-Postern-Finding: a Bcc: b c\r\nFrom: a\r\n\r\nx\r\n",
  },
  {
    name: "encodes what is no ASCII",
    input: message("From: a", "", "x"),
    marks: { fields: [{ name: "X-Postern-Finding", value: "Grüße" }] },
    want: "X-Postern-Finding: =?UTF-8?B?R3LDvMOfZQ==?=\r\nFrom: a\r\n\r\nx\r\n",
  },
  {
    name: "puts a prefix before the subject",
    input: message("Subject: hello", "", "x"),
    marks: { subjectPrefix: "[SPAM] " },
    want: "Subject: [SPAM] hello\r\n\r\nx\r\n",
  },
  {
    name: "puts a prefix before an encoded subject",
    input: message("Subject:", " =?utf-8?Q?gr=C3=BCn?=", "", "x"),
    marks: { subjectPrefix: "[SPAM] " },
    want: "Subject: [SPAM] \r\n =?utf-8?Q?gr=C3=BCn?=\r\n\r\nx\r\n",
  },
  {
    name: "puts a prefix once only",
    input: message("Subject: [SPAM] hello", "", "x"),
    marks: { subjectPrefix: "[SPAM] " },
    want: "Subject: [SPAM] hello\r\n\r\nx\r\n",
  },
  {
    name: "puts a prefix once only, encoded or not",
    input: message("Subject: =?utf-8?Q?=5BSPAM=5D_gr=C3=BCn?=", "", "x"),
    marks: { subjectPrefix: "[SPAM] " },
    want: "Subject: =?utf-8?Q?=5BSPAM=5D_gr=C3=BCn?=\r\n\r\nx\r\n",
  },
  {
    name: "adds a subject where there is none",
    input: message("From: a", "", "x"),
    marks: { subjectPrefix: "[SPAM] " },
    want: "Subject: [SPAM]\r\nFrom: a\r\n\r\nx\r\n",
  },
  {
    name: "puts a footnote behind plain text",
    input: message("From: a", "", "x"),
    marks: { footnote: "-- \nChecked." },
    want: "From: a\r\n\r\nx\r\n\r\n-- \r\nChecked.\r\n",
  },
  {
    name: "puts a footnote into the first text of a multipart",
    input: message(
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b",
      "",
      "x",
      "--b",
      "Content-Disposition: attachment",
      "",
      "y",
      "--b--",
    ),
    marks: { footnote: "--b\nChecked." },
    want:
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n\r\n| --b\r\nChecked.\r\n\r\n--b\r\nContent-Disposition: attachment\r\n\r\ny\r\n--b--\r\n",
  },
  {
    name: "quotes a footnote in quoted-printable",
    input: message(
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: quoted-printable",
      "",
      "x=3D",
    ),
    marks: { footnote: "Geprüft = gut" },
    want:
      "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nx=3D\r\n\r\nGepr=C3=BCft =3D gut\r\n",
  },
];
for (const { name, input, marks, want } of rows) {
  Deno.test(
    `applyMarks() ${name}`,
    { permissions: "none" },
    () => assert.equal(marked(input, marks), want),
  );
}

const untouched: { name: string; input: Uint8Array }[] = [
  { name: "base64", input: message("Content-Transfer-Encoding: base64", "", "eA==") },
  { name: "HTML only", input: message("Content-Type: text/html", "", "<p>x") },
  { name: "an attachment only", input: message("Content-Disposition: attachment", "", "x") },
  {
    name: "a signed message",
    input: message(
      'Content-Type: multipart/signed; boundary="b"; protocol="application/pgp-signature"',
      "",
      "--b",
      "",
      "x",
      "--b",
      "Content-Type: application/pgp-signature",
      "",
      "y",
      "--b--",
    ),
  },
  {
    name: "an ambiguous message",
    input: message("Content-Type: text/plain", "Content-Type: text/html", "", "x"),
  },
];
for (const { name, input } of untouched) {
  Deno.test(`applyMarks() puts no footnote into ${name}`, { permissions: "none" }, () => {
    assert.equal(marked(input, { footnote: "Checked." }), latin1(input));
  });
}

Deno.test("applyMarks() folds long values and splits words that are too long", {
  permissions: "none",
}, () => {
  const text = marked(message("From: a", "", "x"), {
    fields: [{ name: "X-Postern-Finding", value: `${"word ".repeat(100)}${"x".repeat(5_000)}` }],
  });
  const header = text.slice(0, text.indexOf("From:"));
  for (const line of header.split("\r\n")) assert.ok(line.length < 998);
  assert.equal(
    header.replaceAll("\r\n", "").replaceAll(" ", "").length,
    "X-Postern-Finding:".length + 400 + 5_000,
  );
  assert.equal(marked(octets(text), {}).length, text.length - header.length);
});

Deno.test("applyMarks() puts an encoded prefix before an encoded subject with its blank", {
  permissions: "none",
}, () => {
  const text = marked(message("Subject: =?utf-8?Q?gr=C3=BCn?=", "", "x"), {
    subjectPrefix: "[VERDÄCHTIG] ",
  });
  assert.equal(readMessage(octets(text), testBudget()).subject, "[VERDÄCHTIG] grün");
  assert.equal(marked(octets(text), { subjectPrefix: "[VERDÄCHTIG] " }), text);
});
