/** What holds for every message, sound or broken: nothing crashes, nothing is lost in silence, nothing is touched that need not be. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  corpus,
  corpusFile,
  latin1,
  TEST_LIMITS,
  testBudget,
} from "../message/fixtures/testing.ts";
import { readMessage } from "../message/read.ts";
import { rewriteMessage } from "../message/rewrite.ts";
import { canonicalMessage } from "./canonical.ts";
import { footnoteSplices, spliced } from "./footnote.ts";
import { Contents } from "./contents.ts";

const FOOTNOTE = "-- \r\nChecked.\r\n";

/** Lines that structure is made of, and text. */
const line = fc.oneof(
  fc.constantFrom(
    "",
    "--b",
    "--b--",
    "--c",
    " --b",
    "--bb",
    "Content-Type: multipart/mixed; boundary=b",
    "Content-Type: multipart/alternative; boundary=c",
    "Content-Type: multipart/signed; boundary=b; protocol=x/y",
    "Content-Type: text/html; charset=iso-8859-2",
    "Content-Type: text/plain; charset=utf-8; name=a.txt",
    "Content-Type: message/rfc822",
    "Content-Type: message/partial; id=a; number=1; total=1",
    "Content-Transfer-Encoding: base64",
    "Content-Transfer-Encoding: quoted-printable",
    'Content-Disposition: attachment; filename="a.exe"',
    "Subject: a",
    "QUJDREVG",
    "=41=\r\nB",
    "<p>x</body>",
    "begin 644 a.txt",
    "#0V%T",
    "end",
    "\rX: y",
    "a\nb",
    "\0",
  ),
  fc.string({ unit: "binary-ascii", maxLength: 20 }),
);
const message = fc.array(line, { maxLength: 30 }).map((lines) =>
  new Uint8Array(Buffer.from(lines.join("\r\n"), "latin1"))
);

Deno.test("rewriteMessage() that is asked nothing gives the same buffer", () => {
  fc.assert(fc.property(message, (octets) => {
    assert.equal(rewriteMessage(octets, { remove: [] }).message, octets);
  }));
});

Deno.test("canonicalMessage() leaves one reading with every content, or says that it cannot", () => {
  fc.assert(
    fc.property(message, (octets) => {
      const before = readMessage(octets, testBudget());
      const made = canonicalMessage(octets, TEST_LIMITS);
      if (before.ambiguities.length === 0) return assert.equal(made, octets);
      if (made === undefined) return;
      const after = readMessage(made, testBudget());
      assert.deepEqual(after.ambiguities, []);
      assert.equal(canonicalMessage(made, TEST_LIMITS), made);
      const shown = new Contents(after.parts);
      // What no structure stands in is there octet for octet.
      for (const part of before.parts) {
        if (part.children.length > 0) continue;
        for (const { octets } of part.contents) {
          if (!/^[ \t\0]*--|begin|=y|this file/im.test(latin1(octets))) {
            assert.ok(octets.length === 0 || shown.count(octets) > 0);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("a footnote is only added: what was there is there, and nothing else becomes readable", () => {
  fc.assert(
    fc.property(message, (octets) => {
      const splices = footnoteSplices(octets, FOOTNOTE);
      const before = readMessage(octets, testBudget());
      const after = readMessage(spliced(octets, splices), testBudget());
      assert.equal(after.parts.length, before.parts.length);
      assert.deepEqual(after.ambiguities, before.ambiguities);
      const changed = after.parts.filter((part, i) =>
        latin1(part.contents[0]?.octets ?? new Uint8Array()) !==
          latin1(before.parts[i]!.contents[0]?.octets ?? new Uint8Array())
      );
      assert.equal(changed.length, splices.length);
      for (const part of changed) {
        assert.ok(latin1(part.contents[0]!.octets).includes("Checked."));
        const types = part.declaredTypes.join(" ");
        assert.match(types, /^(?:text\/(?:plain|html))?$/);
      }
    }),
    { numRuns: 300 },
  );
});

const files = [...corpus("mail"), ...corpus("evasion"), ...corpus("mime")];
Deno.test({
  name:
    "a footnote in every mail of the corpus touches one text or its alternatives and no attachment",
  ignore: files.length === 0,
  fn() {
    let noted = 0;
    for (const { file } of files.filter((_, i) => i % 5 === 0)) {
      const octets = corpusFile(file);
      const splices = footnoteSplices(octets, FOOTNOTE);
      if (splices.length === 0) continue;
      noted++;
      const before = readMessage(octets, testBudget());
      const after = readMessage(spliced(octets, splices), testBudget());
      for (const [i, part] of before.parts.entries()) {
        const [content] = part.contents, [now] = after.parts[i]!.contents;
        if (content === undefined || now === undefined) continue;
        const same = Buffer.compare(content.octets, now.octets) === 0;
        if (!same) {
          assert.ok(latin1(now.octets).includes("Checked."), file);
          assert.ok(!part.attachment, file);
        }
      }
    }
    assert.ok(noted > files.length / 20, `${noted} of ${files.length / 5}`);
  },
});
