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

const FOOTNOTE_ROWS: {
  name: string;
  head: string[];
  body: string;
  footnote?: string;
  want: string;
}[] = [
  {
    name: "base64",
    head: ["Content-Transfer-Encoding: base64"],
    body: "eA==",
    want: "eA0KDQpDaGVja2VkLg0K",
  },
  {
    name: "base64 with line ends of its own",
    head: ["Content-Transfer-Encoding: base64"],
    body: btoa("x\ny\n"),
    want: btoa("x\ny\n\nChecked.\n"),
  },
  {
    name: "HTML",
    head: ["Content-Type: text/html"],
    body: "<body><p>x</body>",
    want: '<body><p>x\r\n<hr><p class="postern-footnote">Checked.</p>\r\n</body>',
  },
  {
    name: "HTML as characters that every charset has",
    head: ["Content-Type: text/html; charset=shift_jis"],
    body: "<p>x",
    footnote: "Gepr\u00fcft: <b>",
    want: '<p>x\r\n\r\n<hr><p class="postern-footnote">Gepr&#252;ft: &#60;b&#62;</p>',
  },
  {
    name: "HTML in quoted-printable",
    head: ["Content-Type: text/html", "Content-Transfer-Encoding: quoted-printable"],
    body: "<p>=3D</bod=\r\ny>",
    want: '<p>=3D\r\n<hr><p class=3D"postern-footnote">Checked.</p>\r\n</body>',
  },
  {
    name: "Latin-1 in its own octets",
    head: ["Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: 8bit"],
    body: "gr\xfcn",
    footnote: "Gepr\u00fcft \u010d",
    want: "gr\xfcn\r\n\r\nGepr\xfcft c",
  },
  {
    name: "text that promised 7 bits",
    head: ["Content-Type: text/plain; charset=utf-8"],
    body: "x",
    footnote: "Skontrolovan\u00e9",
    want: "x\r\n\r\nSkontrolovane",
  },
  {
    name: "quoted-printable that ends in a soft line break",
    head: ["Content-Transfer-Encoding: quoted-printable"],
    body: "x=",
    want: "x=\r\n\r\n\r\nChecked.",
  },
];
for (const { name, head, body, footnote = "Checked.", want } of FOOTNOTE_ROWS) {
  Deno.test(`applyMarks() puts a footnote into ${name}`, { permissions: "none" }, () => {
    const text = marked(message(...head, "", body), { footnote });
    assert.equal(text, `${[...head, ""].join("\r\n")}\r\n${want}\r\n`);
  });
}

Deno.test("applyMarks() puts a footnote into every alternative and leaves the attachment", {
  permissions: "none",
}, () => {
  const input = message(
    "Content-Type: multipart/mixed; boundary=m",
    "",
    "--m",
    "Content-Type: multipart/alternative; boundary=a",
    "",
    "--a",
    "",
    "x",
    "--a",
    "Content-Type: text/html",
    "Content-Transfer-Encoding: base64",
    "",
    btoa("<p>x</p>"),
    "--a--",
    "--m",
    "Content-Type: text/plain; name=a.txt",
    "",
    "y",
    "--m--",
  );
  const after = readMessage(octets(marked(input, { footnote: "Checked." })), testBudget());
  const texts = after.parts.flatMap((part) => part.contents.map((one) => latin1(one.octets)));
  assert.deepEqual(texts, [
    "x\r\n\r\nChecked.\r\n",
    '<p>x</p>\r\n<hr><p class="postern-footnote">Checked.</p>\r\n',
    "y",
  ]);
});

Deno.test(
  "applyMarks() takes the footnote in the message's language",
  { permissions: "none" },
  () => {
    const footnote = { en: "E", de: "D", fr: "F", es: "S", sk: "K" };
    const wordings: [string, string][] = [
      [
        "Sehr geehrte Damen und Herren, wir haben die Rechnung f=FCr Sie und bitten um Zahlung.",
        "D",
      ],
      ["Dear customer, please find the invoice for your order.", "E"],
      ["Bonjour, vous trouverez dans ce message la facture pour votre commande.", "F"],
      ["Hola, le enviamos la factura para su pedido con los datos del cliente.", "S"],
      [
        "Dobry den, posielame vam fakturu, ktora je splatna ale nie je este zaplatena a je to tak.",
        "K",
      ],
      ["\u4f60\u597d", "E"],
    ];
    for (const [text, want] of wordings) {
      const input = message("Subject: x", "", Buffer.from(text).toString("latin1"));
      assert.match(marked(input, { footnote }), new RegExp(`\r\n${want}\r\n$`), text);
    }
    const said = message("Content-Language: sk-SK, en", "", "Dear customer, the invoice for you");
    assert.match(marked(said, { footnote }), /\r\nK\r\n$/);
  },
);

const untouched: { name: string; input: Uint8Array }[] = [
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
    name: "OpenPGP in the text",
    input: message("", "-----BEGIN PGP SIGNED MESSAGE-----", "", "x"),
  },
  {
    name: "an S/MIME message",
    input: message("Content-Type: application/pkcs7-mime; name=smime.p7m", "", "x"),
  },
  { name: "UTF-16", input: message("Content-Type: text/plain; charset=utf-16", "", "x") },
  {
    name: "an unknown charset",
    input: message("Content-Type: text/plain; charset=x-own", "", "x"),
  },
  {
    name: "a page that ends in a comment",
    input: message("Content-Type: text/html", "", "<p>x<!-- </body>"),
  },
  {
    name: "a page that ends in a script",
    input: message("Content-Type: text/html", "", "<p>x<script>'</body>'"),
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
