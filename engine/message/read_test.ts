/** The reader on the cases that attackers use: each row is a message and what must be among its readings. */
import assert from "node:assert/strict";
import { AMBIGUITIES } from "./ambiguities.ts";
import { EICAR, latin1, message, octets, testBudget } from "./fixtures/testing.ts";
import { readMessage } from "./read.ts";
import type { MessageReading } from "./types.ts";

const CODED = btoa("The hidden content.");

function contentsOf(reading: MessageReading): string[] {
  return reading.parts.flatMap((part) => part.contents.map((content) => latin1(content.octets)));
}

/** {@link CODED} in uuencode, and in xxencode. */
const UU = "35&AE(&AI9&1E;B!C;VYT96YT+@``";
const XX = "HJ4VZ64VdN4FZPW-XPqtoNKto9U++";

function yenc(text: string): string {
  return [...text].map((c) => String.fromCharCode((c.charCodeAt(0) + 42) % 256)).join("");
}

/** Multipart with a text and an attachment whose header lines are given. */
function mail(contentType: string, ...rest: readonly string[]): Uint8Array {
  return message("From: a@example.test", contentType, ...rest);
}

const PARTS = [
  "--b1",
  "Content-Type: text/plain",
  "",
  "A note.",
  "--b1",
  "Content-Type: application/octet-stream",
  "Content-Transfer-Encoding: base64",
  "",
  CODED,
  "--b1--",
];

const hidden: { name: string; octets: Uint8Array; ambiguity?: string }[] = [
  {
    name: "a plain multipart",
    octets: mail("Content-Type: multipart/mixed; boundary=b1", "", ...PARTS),
  },
  {
    name: "the first of two boundary parameters",
    octets: mail('Content-Type: multipart/mixed; boundary="b1"; boundary="b2"', "", ...PARTS),
    ambiguity: "duplicate-boundary",
  },
  {
    name: "the last of two boundary parameters",
    octets: mail('Content-Type: multipart/mixed; boundary="b2"; boundary="b1"', "", ...PARTS),
    ambiguity: "duplicate-boundary",
  },
  {
    name: "the second of two Content-Type fields",
    octets: mail(
      "Content-Type: text/plain",
      "Content-Type: multipart/mixed; boundary=b1",
      "",
      ...PARTS,
    ),
    ambiguity: "duplicate-content-type",
  },
  {
    name: "a boundary in Content-Disposition",
    octets: mail(
      "Content-Type: multipart/mixed",
      "Content-Disposition: inline; boundary=b1",
      "",
      ...PARTS,
    ),
  },
  {
    name: "a field name with comment",
    octets: mail("Content-Type(x(y)): multipart/mixed; boundary=b1", "", ...PARTS),
    ambiguity: "odd-field-name",
  },
  {
    name: "blanks before the colon",
    octets: mail("Content-Type : multipart/mixed; boundary=b1", "", ...PARTS),
    ambiguity: "odd-field-name",
  },
  {
    name: "a nested comment in the value",
    octets: mail("Content-Type: multipart/mixed (a (b) \\) c); boundary=b1", "", ...PARTS),
  },
  {
    name: "a boundary by RFC 2231",
    octets: mail(
      "Content-Type: multipart/mixed; boundary*0*=us-ascii''%62; boundary*1=1",
      "",
      ...PARTS,
    ),
  },
  {
    name: "escapes in the boundary",
    octets: mail('Content-Type: multipart/mixed; boundary="\\b\\1"', "", ...PARTS),
  },
  {
    name: "a parameter on the next line without indent",
    octets: mail("Content-Type: multipart/mixed;", "boundary=b1", "", ...PARTS),
    ambiguity: "folded-parameter",
  },
  {
    name: "an empty fold",
    octets: mail("Content-Type:", " ", " multipart/mixed; boundary=b1", "", ...PARTS),
    ambiguity: "blank-fold",
  },
  {
    name: "no empty line before the first delimiter",
    octets: mail("Content-Type: multipart/mixed; boundary=b1", ...PARTS),
    ambiguity: "missing-blank-line",
  },
  {
    name: "a bare CR before the field",
    octets: mail("X-A: 1\rContent-Type: multipart/mixed; boundary=b1", "", ...PARTS),
    ambiguity: "bare-cr",
  },
  {
    name: "a line of CRs that does not end the header",
    octets: mail(
      "X-A: b\r",
      "\r",
      " c",
      "Content-Type: application/octet-stream",
      "Content-Transfer-Encoding: base64",
      "",
      CODED,
    ),
    ambiguity: "bare-cr",
  },
  {
    name: "a type that is no multipart",
    octets: mail("Content-Type: text/plain; boundary=b1", "", ...PARTS),
    ambiguity: "undeclared-multipart",
  },
  { name: "no boundary declared", octets: mail("Content-Type: multipart/mixed", "", ...PARTS) },
  {
    name: "no boundary declared, and other fields first",
    octets: mail(
      "Content-Type: multipart/mixed",
      "",
      "--b1",
      "X-A: b",
      ...PARTS.slice(5),
    ),
    ambiguity: "missing-boundary",
  },
  {
    name: "a boundary in a charset that is not known",
    octets: mail(
      "Content-Type: multipart/mixed; boundary=b2; boundary*=x-y''%82%f1",
      "",
      "--b2",
      "",
      "text",
      "--b2--",
      "and so on ".repeat(9),
      "--b1",
      "X-A: b",
      ...PARTS.slice(5),
    ),
    ambiguity: "undeclared-multipart",
  },
  {
    name: "a header in the middle of the text",
    octets: mail("", "A note.", "Content-Type: application/octet-stream", ...PARTS.slice(6, 9)),
  },
  {
    name: "a header behind an undeclared multipart",
    octets: mail(
      "",
      "--b2",
      "Content-Type: text/plain",
      "",
      "A note.",
      "--b2--",
      "",
      ...PARTS.slice(6, 9),
    ),
    ambiguity: "undeclared-multipart",
  },
  {
    name: "no type declared",
    octets: mail("Subject: x", "", ...PARTS),
    ambiguity: "undeclared-multipart",
  },
  {
    name: "a part after the close",
    octets: mail("Content-Type: multipart/mixed; boundary=b1", "", "--b1--", ...PARTS),
    ambiguity: "parts-after-close",
  },
  {
    name: "a delimiter inside a part's header",
    octets: mail(
      "Content-Type: multipart/mixed; boundary=b1",
      "",
      "--b1",
      "Content-Type: application/octet-stream",
      "Content-Transfer-Encoding: base64",
      "--b1--",
      "Content-Disposition: attachment",
      "",
      CODED,
      "--b1--",
    ),
    ambiguity: "boundary-in-header",
  },
  {
    name: "a delimiter inside the header of a part within",
    octets: mail(
      "Content-Type: multipart/mixed; boundary=b2",
      "",
      "--b2",
      "Content-Type: multipart/mixed; boundary=b1",
      "",
      "--b1",
      "Content-Transfer-Encoding: base64",
      "--b2--",
      "Content-Disposition: attachment",
      "",
      CODED,
      "--b1--",
      "--b2--",
    ),
    ambiguity: "boundary-in-header",
  },
  {
    name: "no close",
    octets: mail("Content-Type: multipart/mixed; boundary=b1", "", ...PARTS.slice(0, -1)),
    ambiguity: "missing-close",
  },
  {
    name: "indented delimiters",
    octets: mail(
      "Content-Type: multipart/mixed; boundary=b1",
      "",
      ...PARTS.map((line) => line.startsWith("--") ? ` ${line}` : line),
    ),
    ambiguity: "boundary-indented",
  },
  {
    name: "delimiters that go on",
    octets: mail(
      "Content-Type: multipart/mixed; boundary=b1",
      "",
      ...PARTS.map((line) => line === "--b1" ? "--b1_x" : line),
    ),
    ambiguity: "boundary-prefix",
  },
  {
    name: "a multipart in base64",
    octets: mail(
      "Content-Type: multipart/mixed; boundary=b1",
      "Content-Transfer-Encoding: base64",
      "",
      btoa(PARTS.join("\r\n")),
    ),
    ambiguity: "encoded-multipart",
  },
  {
    name: "a message in base64",
    octets: mail(
      "Content-Type: message/rfc822",
      "Content-Transfer-Encoding: base64",
      "",
      btoa(
        ["From: b@example.test", "Subject: x", "Content-Transfer-Encoding: base64", "", CODED].join(
          "\r\n",
        ),
      ),
    ),
    ambiguity: "encoded-multipart",
  },
  {
    name: "an empty line before the part's header",
    octets: mail(
      "Content-Type: multipart/mixed; boundary=b1",
      "",
      "--b1",
      "",
      "Content-Transfer-Encoding: base64",
      "",
      CODED,
      "--b1--",
    ),
    ambiguity: "leading-blank-line",
  },
  {
    name: "the first of two encodings",
    octets: mail("Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: 7bit", "", CODED),
    ambiguity: "duplicate-transfer-encoding",
  },
  {
    name: "the last of two encodings",
    octets: mail("Content-Transfer-Encoding: 7bit", "Content-Transfer-Encoding: base64", "", CODED),
    ambiguity: "duplicate-transfer-encoding",
  },
  {
    name: "a misspelt encoding",
    octets: mail("Content-Transfer-Encoding: base-64", "", CODED),
    ambiguity: "unknown-transfer-encoding",
  },
  {
    name: "a comment as encoding",
    octets: mail("Content-Transfer-Encoding: (7bit) base64", "", CODED),
  },
  {
    name: "base64 with letters of no alphabet",
    octets: mail("Content-Transfer-Encoding: base64", "", CODED.replace(/(..)/g, "$1-*")),
    ambiguity: "malformed-base64",
  },
  {
    name: "base64 with padding in the middle",
    octets: mail("Content-Transfer-Encoding: base64", "", "VGhlIGhpZGQ=", "ZW4gY29udGVudC4="),
    ambiguity: "malformed-base64",
  },
  {
    name: "base64 that nobody declared",
    octets: mail("Subject: x", "", btoa("The hidden content.".padEnd(60))),
    ambiguity: "undeclared-base64",
  },
  {
    name: "quoted-printable in lower case",
    octets: mail("Content-Transfer-Encoding: quoted-printable", "", "The hidden content=2e"),
    ambiguity: "malformed-quoted-printable",
  },
  {
    name: "a soft break with blanks",
    octets: mail("Content-Transfer-Encoding: quoted-printable", "", "The hidden= ", " content."),
  },
  {
    name: "uuencode in the epilogue",
    octets: mail(
      "Content-Type: multipart/mixed; boundary=b1",
      "",
      "--b1",
      "",
      "text",
      "--b1--",
      "",
      "begin 644 a.bin",
      UU,
      "`",
      "end",
      "and so on ".repeat(5),
    ),
  },
  {
    name: "yEnc",
    octets: octets(
      `From: a\r\n\r\n=ybegin line=128 size=19 name=a.bin\r\n${
        yenc("The hidden content.")
      }\r\n=yend size=19\r\n`,
    ),
  },
  {
    name: "uuencode between bare CRs",
    octets: octets(`From: a\r\n\r\nbegin 644 a\r${UU}\r\`\rend\r`),
    ambiguity: "malformed-uuencode",
  },
  {
    name: "a message of bare CRs in uuencode",
    octets: octets(
      `From: a\rContent-Transfer-Encoding: x-uuencode\r\rbegin 644 a\r${UU}\r\`\rend\r`,
    ),
  },
  {
    name: "text behind uuencode's first line",
    octets: mail("", "begin 644 a", "in words", UU, "`", "end"),
    ambiguity: "malformed-uuencode",
  },
  {
    name: "much text in an encoding of uuencode",
    octets: mail(
      "Content-Transfer-Encoding: x-uuencode",
      "",
      "begin 644 a",
      ...new Array<string>(9).fill("of words"),
      UU,
      "`",
      "end",
    ),
  },
  {
    name: "octets behind a line of uuencode",
    octets: mail("", "begin 644 a", `${UU}${"A".repeat(30)}`, "`", "end"),
    ambiguity: "malformed-uuencode",
  },
  {
    name: "uuencode's base64 that does not end",
    octets: mail("", "begin-base64 644 b", "QUJD", "begin 644 a", UU, "`", "end"),
  },
  { name: "xxencode", octets: mail("", "begin 644 a", XX, "+", "end") },
  {
    name: "a yEnc file that does not end",
    octets: mail("", "=ybegin line=128 size=3 name=x", "", "begin 644 a", UU, "`", "end"),
    ambiguity: "malformed-yenc",
  },
  {
    name: "two pieces of a yEnc file",
    octets: mail(
      "",
      "=ybegin part=2 line=128 size=19 name=a",
      "=ypart begin=5 end=19",
      yenc("hidden content."),
      "=yend size=15 part=2",
      "=ybegin part=1 line=128 size=19 name=a",
      "=ypart begin=1 end=4",
      yenc("The "),
      "=yend size=4 part=1",
    ),
  },
  {
    name: "a NUL in the boundary",
    octets: mail('Content-Type: multipart/mixed; boundary="b1\0x"', "", ...PARTS),
    ambiguity: "nul",
  },
];

for (const { name, octets, ambiguity } of hidden) {
  Deno.test(`readMessage() sees what is behind ${name}`, { permissions: "none" }, () => {
    const reading = readMessage(octets, testBudget());
    const contents = contentsOf(reading);
    assert.ok(
      contents.some((one) => one.startsWith("The hidden content.")),
      JSON.stringify(contents),
    );
    if (ambiguity !== undefined) {
      const names = reading.ambiguities.map((one) => one.name);
      assert.ok(names.includes(ambiguity), JSON.stringify(names));
    }
  });
  Deno.test(`readMessage() bears ${name} cut at every octet`, { permissions: "none" }, () => {
    for (let cut = 0; cut <= octets.length; cut++) {
      const part = octets.subarray(0, cut);
      const { parts } = readMessage(part, testBudget());
      assert.equal(new Set(parts.map((one) => one.path)).size, parts.length);
    }
  });
}

Deno.test(
  "readMessage() gives one reading and no ambiguity of clean mail",
  { permissions: "none" },
  () => {
    const octets = mail(
      'Content-Type: multipart/mixed; boundary="b1"',
      "",
      "This is a multi-part message.",
      ...PARTS,
    );
    const reading = readMessage(octets, testBudget());
    assert.deepEqual(reading.ambiguities, []);
    assert.deepEqual(reading.parts.map((part) => [part.path, part.kind, part.contents.length]), [
      ["", "multipart", 0],
      ["1", "leaf", 1],
      ["2", "leaf", 1],
    ]);
    const [, text] = reading.parts;
    assert.equal(text!.contents[0]!.octets.buffer, octets.buffer); // nothing copied
    assert.equal(latin1(text!.contents[0]!.octets), "A note.");
  },
);

Deno.test(
  "readMessage() tells Subject, Message-ID and fields decoded",
  { permissions: "none" },
  () => {
    const reading = readMessage(
      message(
        "Subject: =?utf-8?Q?Sch=C3=B6ne?=",
        " =?utf-8?Q?_Gr=C3=BC=C3=9Fe?= \x07\x1b[31m",
        "Message-ID: <1@example.test>",
        "X-Two: a",
        "x-two: =?utf-8?B?Yg==?=",
        "",
      ),
      testBudget(),
    );
    assert.equal(reading.subject, "Schöne Grüße [31m");
    assert.equal(reading.messageId, "<1@example.test>");
    assert.deepEqual(reading.header("X-TWO"), ["a", "b"]);
    assert.deepEqual(reading.header("x-none"), []);
  },
);

Deno.test("readMessage() numbers parts, and goes into messages", { permissions: "none" }, () => {
  const octets = mail(
    "Content-Type: multipart/mixed; boundary=o",
    "",
    "--o",
    "Content-Type: message/rfc822",
    "",
    "From: b@example.test",
    "Subject: inner",
    "Content-Type: multipart/mixed; boundary=b1",
    "",
    ...PARTS,
    "--o--",
  );
  const { parts } = readMessage(octets, testBudget());
  assert.deepEqual(parts.map((part) => [part.path, part.kind, part.depth]), [
    ["", "multipart", 0],
    ["1", "message", 0],
    ["1.1", "multipart", 1],
    ["1.1.1", "leaf", 1],
    ["1.1.2", "leaf", 1],
  ]);
  for (const part of parts) assert.ok(part.inMessage);
});

Deno.test(
  "readMessage() marks message/partial and message/external-body",
  { permissions: "none" },
  () => {
    for (
      const [type, kind, name] of [["partial", "partial", "partial-message"], [
        "external-body",
        "external",
        "external-body",
      ]]
    ) {
      const reading = readMessage(
        mail(`Content-Type: message/${type}; id=1; number=1`, "", "x"),
        testBudget(),
      );
      assert.equal(reading.root.kind, kind);
      assert.deepEqual(reading.ambiguities, [{ name, part: "" }]);
    }
  },
);

Deno.test(
  "readMessage() stops at the exact limit of parts and says so",
  { permissions: "none" },
  () => {
    const lines = ["Content-Type: multipart/mixed; boundary=b", ""];
    for (let i = 0; i < 5; i++) lines.push("--b", "", `${i}`);
    const octets = message(...lines, "--b--");
    const enough = testBudget({ files: 5 });
    assert.equal(readMessage(octets, enough).parts.length, 6);
    assert.deepEqual(enough.breaches, []);
    const short = testBudget({ files: 4 });
    assert.equal(readMessage(octets, short).parts.length, 5);
    assert.deepEqual(short.breaches, ["files"]);
  },
);

Deno.test(
  "readMessage() stops at the limits of nesting and says so",
  { permissions: "none" },
  () => {
    const nested = (levels: number) =>
      octets(
        "Content-Type: message/rfc822\r\nFrom: a@example.test\r\n\r\n".repeat(levels) +
          `From: b@example.test\r\nSubject: x\r\n\r\n${EICAR}`,
      );
    const enough = testBudget({ depth: 5 });
    assert.ok(contentsOf(readMessage(nested(5), enough)).includes(EICAR));
    assert.deepEqual(enough.breaches, []);
    const short = testBudget({ depth: 4 });
    readMessage(nested(5), short);
    assert.deepEqual(short.breaches, ["depth"]);
    const multiparts = testBudget();
    let body = "";
    for (let i = 0; i < 300; i++) {
      body += `Content-Type: multipart/mixed; boundary=b${i}x\r\n\r\n--b${i}x\r\n`;
    }
    readMessage(octets(body), multiparts);
    assert.deepEqual(multiparts.breaches, ["depth"]);
  },
);

Deno.test("AMBIGUITIES has a sentence for each name", { permissions: "none" }, () => {
  for (const [name, sentence] of Object.entries(AMBIGUITIES)) {
    assert.match(name, /^[a-z]+(-[a-z0-9]+)*$/);
    assert.match(sentence, /^[A-Z].*\.$/);
  }
});

Deno.test("readMessage() puts a message together whose pieces are all there", {
  permissions: "none",
}, () => {
  const piece = (number: number, ...lines: string[]) => [
    "--b",
    `Content-Type: message/partial; id="x@y"; number=${number}${number === 2 ? "; total=2" : ""}`,
    "",
    ...lines,
  ];
  const whole = ["Content-Type: text/plain", "Content-Transfer-Encoding: base64", "", "QUJD"];
  const make = (...pieces: string[][]) =>
    readMessage(
      message("Content-Type: multipart/mixed; boundary=b", "", ...pieces.flat(), "--b--"),
      testBudget(),
    );
  const contents = (reading: MessageReading) =>
    reading.parts.flatMap((part) => part.contents.map((content) => latin1(content.octets)));
  const both = make(piece(2, ...whole.slice(3)), piece(1, ...whole.slice(0, 3)));
  assert.ok(contents(both).includes("ABC"));
  assert.deepEqual(both.parts.filter(({ kind }) => kind === "partial").length, 2);
  assert.ok(!contents(make(piece(1, ...whole.slice(0, 3)))).includes("ABC"));
  assert.ok(both.ambiguities.some(({ name }) => name === "partial-message"));
});

Deno.test(
  "readMessage() reads in every way what a mail program may show, and once what only a person can get at",
  {
    permissions: "none",
  },
  () => {
    const text = [
      "--inside",
      "Content-Type: application/octet-stream",
      "Content-Transfer-Encoding: base64",
      "",
      "QUJD=REVG", // padding in the middle: readers end there, go on, or take no notice
      "--inside",
      "Content-Type: text/plain",
      "Content-Transfer-Encoding: base64",
      "",
      btoa(EICAR),
      "--inside--",
    ];
    const readings = (reading: MessageReading) =>
      reading.parts.flatMap(({ contents }) => contents).map(({ reading }) => reading)
        .filter((name) => name.startsWith("base64/"));
    const shown = readMessage(message("From: a@example.test", "", ...text), testBudget());
    assert.ok(readings(shown).length > 2);
    const inFile = readMessage(
      message(
        "From: a@example.test",
        'Content-Type: text/plain; name="log.txt"',
        "Content-Transfer-Encoding: base64",
        "",
        btoa(text.map((line) => `${line}\r\n`).join("")),
      ),
      testBudget(),
    );
    assert.deepEqual(readings(inFile), ["base64/restart-at-padding"]);
    assert.ok(inFile.ambiguities.some(({ name }) => name === "malformed-base64"));
    assert.ok(contentsOf(inFile).includes("QUJD=REVG"));
    for (const each of [shown, inFile]) assert.ok(contentsOf(each).includes(EICAR));
  },
);

Deno.test("readMessage() gives an archive that stands in an attached message's header", {
  permissions: "none",
}, () => {
  const zip = "PK\x03\x04 and so on";
  const { parts } = readMessage(
    message(
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b",
      "Content-Type: message/rfc822; name=a.zip",
      "",
      "From: a@example.test",
      `X-A: ${zip}`,
      "",
      "text",
      "--b--",
    ),
    testBudget(),
  );
  const [, attached] = parts;
  assert.equal(attached?.kind, "message");
  assert.deepEqual(attached.names, ["a.zip"]);
  assert.deepEqual(attached.contents.map(({ octets }) => latin1(octets)), [
    `${zip}\r\n\r\ntext`,
  ]);
});
