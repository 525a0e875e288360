/** The reader on random and mutated octets: it never throws, stays in bounds and in budget. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { message, octets, testBudget } from "./fixtures/testing.ts";
import { looksLikeMail } from "./looks_like_mail.ts";
import { applyMarks } from "./marks.ts";
import { readMessage } from "./read.ts";
import { rewriteMessage } from "./rewrite.ts";

/** Pieces that structure is made of, so that random text is more than noise. */
const PIECES = [
  "\r\n",
  "\n",
  "\r",
  "\r\n\r\n",
  " ",
  "\t",
  "\0",
  "--",
  "--b",
  "--b--",
  "--b1\r\n",
  "b",
  ";",
  "=",
  '"',
  "\\",
  "(",
  ")",
  ",",
  ":",
  "Content-Type: multipart/mixed; boundary=b\r\n",
  "Content-Type: message/rfc822\r\n",
  'Content-Type: text/plain; name="a"',
  "Content-Transfer-Encoding: base64\r\n",
  "Content-Transfer-Encoding: quoted-printable\r\n",
  "content-transfer-encoding: x-uue\r\n",
  "Content-Disposition: attachment; filename*0*=utf-8''a%20;filename*1=b\r\n",
  "Subject: =?utf-8?Q?=C3=BC?=\r\n",
  "From: a@b\r\n",
  "begin 644 a\r\n",
  "#0V%T\r\n",
  "`\r\nend\r\n",
  "begin-base64 644 a\n",
  "====\n",
  "=ybegin name=a\r\n",
  "=yend\r\n",
  "(This file must be converted with BinHex 4.0)\r\n:",
  ":\r\n",
  "QUJD",
  "QQ==",
  "=41",
  "=\r\n",
  "=?",
  "?=",
  "X-Postern-Status: x\r\n",
  "\xff\xfe",
  "\x90",
];

const mailish = fc.array(
  fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...PIECES) }, {
    weight: 1,
    arbitrary: fc.string({ maxLength: 12 }),
  }),
  { maxLength: 60 },
)
  .map((pieces) => octets(pieces.join("")));
const anything = fc.oneof({ weight: 4, arbitrary: mailish }, {
  weight: 1,
  arbitrary: fc.uint8Array({ maxLength: 400 }),
});

Deno.test("readMessage() reads any octets without throwing, in bounds, within its budget", {
  permissions: "none",
}, () => {
  fc.assert(
    fc.property(anything, (input) => {
      const before = input.slice();
      const budget = testBudget({ files: 50, octets: 100_000, depth: 4 });
      const { parts, layout } = readMessage(input, budget);
      assert.deepEqual(input, before);
      assert.ok(parts.length <= 51);
      assert.equal(new Set(parts.map((part) => part.path)).size, parts.length);
      for (const part of parts) {
        const { range, bodyRange, headerRange, source } = part;
        for (const one of [range, bodyRange, headerRange]) {
          assert.ok(0 <= one.start && one.start <= one.end && one.end <= source.length);
        }
        assert.equal(part.inMessage, source === input);
        for (const child of part.children) {
          assert.ok(child.path.startsWith(part.path));
          if (child.source === source) {
            assert.ok(range.start <= child.range.start && child.range.end <= range.end);
          }
        }
      }
      assert.ok(layout.headerEnd <= input.length);
      for (const own of layout.ownFields) {
        assert.ok(own.start < own.end && own.end <= layout.headerEnd);
      }
      looksLikeMail(input);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("rewriteMessage() and applyMarks() keep any octets that they are not asked to change", {
  permissions: "none",
}, () => {
  fc.assert(
    fc.property(anything, (input) => {
      const { message, layout } = rewriteMessage(input, { remove: [] });
      assert.equal(message, input);
      const chunks = applyMarks(input, { ...layout, ownFields: [] }, { fields: [] });
      assert.deepEqual(new Uint8Array(Buffer.concat(chunks)), input);
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("rewriteMessage() never leaves a removed content behind without saying so", {
  permissions: "none",
}, () => {
  fc.assert(
    fc.property(mailish, fc.nat(), (input, pick) => {
      const { parts } = readMessage(input, testBudget());
      const part = parts[pick % parts.length]!;
      const { message, failed } = rewriteMessage(input, {
        remove: [{ part: part.path, notice: "Gone." }],
      });
      if (failed.length > 0) return;
      const gone = part.contents.filter(({ octets }) => octets.length > 0);
      for (const { contents } of readMessage(message, testBudget()).parts) {
        for (const { octets } of contents) {
          assert.ok(!gone.some((one) => Buffer.compare(one.octets, octets) === 0));
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

Deno.test(
  "applyMarks() lets nothing into the header that a value holds",
  { permissions: "none" },
  () => {
    const text = fc.string({ unit: "binary", maxLength: 200 });
    fc.assert(
      fc.property(text, text, text, (name, value, prefix) => {
        const input = message("From: a@example.test", "Subject: hello", "", "body");
        const { layout } = readMessage(input, testBudget());
        const out = new Uint8Array(
          Buffer.concat(
            applyMarks(input, layout, {
              fields: [{ name, value }, { name: "X-Postern-A", value }],
              subjectPrefix: prefix,
            }),
          ),
        );
        const lines = Buffer.from(out).toString("latin1").split("\r\n");
        const end = lines.indexOf("");
        const fields = lines.slice(0, end).filter((line) => !line.startsWith(" "));
        assert.equal(fields.length, 4, JSON.stringify(lines));
        for (const line of lines) assert.ok(line.length <= 998 && !/[\r\n\0]/.test(line));
        for (const line of lines.slice(0, end)) assert.match(line, /^[\x20-\x7e]+$/);
        assert.deepEqual(lines.slice(end), ["", "body", ""]);
      }),
      { numRuns: 1_000 },
    );
  },
);
