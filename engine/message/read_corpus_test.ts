/** The reader, marks and rewriting on every mail of the corpus. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { corpus, corpusFile, EICAR, latin1, testBudget } from "./fixtures/testing.ts";
import { looksLikeMail } from "./looks_like_mail.ts";
import { applyMarks } from "./marks.ts";
import { comparableName } from "./names.ts";
import { readMessage } from "./read.ts";
import { rewriteMessage } from "./rewrite.ts";
import type { MessageReading } from "./types.ts";

const evasion = corpus("evasion");
const mime = corpus("mime");
const mail = corpus("mail");
const all = [...evasion, ...mime, ...mail];
const ignore = all.length === 0;

/** Mails whose EICAR is not a plain content of a part, by what it takes to see it. */
const BEHIND: Readonly<Record<string, string>> = {
  "octet-eml": "an attached message under another type: opened as a file",
  winmail: "TNEF",
  badsum: "TNEF",
  "html-atob": "script",
  "html-xor": "script",
  svg: "script",
  "html-utf16": "script in UTF-16",
  "body-qp-html": "script",
  "zip-as-txt": "zip",
  "zip-lower": "zip",
  zip: "zip",
  binary: "zip",
  rar5: "rar",
  cab: "cab",
  pdf: "pdf",
  rtf: "rtf",
  sfx: "self-extracting zip",
  ics: "calendar",
  "pw-plain": "encrypted zip",
  "pw-quotes": "encrypted zip",
  "pw-html": "encrypted zip",
  "pw-next": "encrypted zip",
  "boundary-lines": "more delimiters than the limit of parts",
  "rfc822-deep-30": "deeper than the limit",
  "rfc822-deep-100": "deeper than the limit",
  "rfc822-deep-300": "deeper than the limit",
  "multi-deep-200": "deeper than the limit",
};

/** Files of mime/mib that cannot be met, and why. */
const MIB_EXCEPTIONS: Readonly<Record<string, string>> = {
  "mime/mib/c129.eml": "its BinHex holds the text ARRAY(0x...), not the zip",
  "mime/mib/c130.eml": "its BinHex holds the text ARRAY(0x...), not the zip",
  "mime/mib/n418.eml": "the name says png, only the content is another",
};

function contains(reading: MessageReading, found: (text: string) => boolean): boolean {
  return reading.parts.some((part) => part.contents.some(({ octets }) => found(latin1(octets))));
}

/** A glob of the manifest's `want_name`. */
function glob(pattern: string): RegExp {
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*");
  return new RegExp(`^${source}$`, "is");
}

function names(reading: MessageReading): string[] {
  return reading.parts.flatMap((part) =>
    part.names.flatMap((name) => [name, comparableName(name)])
  );
}

Deno.test({
  name: "readMessage() holds EICAR in some reading of every infected mail of evasion/",
  ignore,
}, () => {
  for (const { file, id, expect, also } of evasion) {
    if (expect !== "infected" && !also?.includes("infected")) continue;
    const budget = testBudget();
    const reading = readMessage(corpusFile(file), budget);
    const found = contains(reading, (text) => text.includes(EICAR));
    if (!found) assert.ok(id !== undefined && id in BEHIND, `${file} ${id}`);
  }
});

Deno.test(
  { name: "readMessage() gives the zip in some reading of every mail of mime/mib", ignore },
  () => {
    for (const { file, id, expect } of mime) {
      if (
        !file.startsWith("mime/mib/") || expect !== "infected" || file in MIB_EXCEPTIONS
      ) continue;
      const reading = readMessage(corpusFile(file), testBudget());
      assert.ok(
        contains(
          reading,
          (text) => text.startsWith("PK") && /eicar\.com.+PK.+eicar\.com.*PK/s.test(text),
        ),
        `${file} ${id}`,
      );
    }
  },
);

Deno.test(
  { name: "readMessage() shows every name that an attachment rule must see", ignore },
  () => {
    for (const { file, id, want_name } of [...evasion, ...mime]) {
      if (want_name === undefined || file in MIB_EXCEPTIONS) continue;
      const wanted = glob(want_name);
      const shown = names(readMessage(corpusFile(file), testBudget()));
      assert.ok(shown.some((name) => wanted.test(name)), `${file} ${id}: ${JSON.stringify(shown)}`);
    }
  },
);

Deno.test({ name: "readMessage() finds real ham unambiguous", ignore }, () => {
  const ham = mail.filter((entry) => entry.label === "ham");
  const ambiguous = ham.filter(({ file }) =>
    readMessage(corpusFile(file), testBudget()).ambiguities.length > 0
  );
  assert.ok(ambiguous.length * 200 < ham.length, JSON.stringify(ambiguous)); // under one in 200
});

Deno.test(
  { name: "readMessage() keeps ranges nested and in bounds for every mail", ignore },
  () => {
    for (const { file } of all) {
      const octets = corpusFile(file);
      const { parts } = readMessage(octets, testBudget());
      assert.equal(new Set(parts.map((part) => part.path)).size, parts.length, file);
      for (const part of parts) {
        const { range, headerRange, bodyRange, source } = part;
        for (const one of [range, headerRange, bodyRange]) {
          assert.ok(
            0 <= one.start && one.start <= one.end && one.end <= source.length,
            `${file} ${part.path}`,
          );
        }
        assert.ok(
          range.start <= bodyRange.start && bodyRange.end <= range.end,
          `${file} ${part.path}`,
        );
        for (const child of part.children) {
          if (child.source !== source) continue;
          assert.ok(
            range.start <= child.range.start && child.range.end <= range.end,
            `${file} ${child.path}`,
          );
        }
      }
    }
  },
);

Deno.test({ name: "looksLikeMail() knows every mail of mail/ and evasion/", ignore }, () => {
  for (const { file, id } of [...mail, ...evasion]) {
    if (id === "one-byte") continue; // a message of the one octet "x"
    assert.ok(looksLikeMail(corpusFile(file)), file);
  }
});

Deno.test({ name: "looksLikeMail() takes only mail among files for mail", ignore }, () => {
  const mails = /(?:\.eml|\.mbox|\.mht|\.mail|\.mbox\.base64|mix\d+\.eml)$/;
  for (const { file } of corpus("files")) {
    if (looksLikeMail(corpusFile(file))) assert.match(file, mails);
  }
});

Deno.test({
  name: "applyMarks() and rewriteMessage() without work are the identity for every mail",
  ignore,
}, () => {
  for (const { file } of all) {
    const octets = corpusFile(file);
    const { message, layout, failed } = rewriteMessage(octets, { remove: [] });
    assert.equal(message, octets, file);
    assert.deepEqual(failed, []);
    if (layout.ownFields.length > 0) continue;
    const chunks = applyMarks(octets, layout, { fields: [] });
    assert.equal(Buffer.compare(Buffer.concat(chunks), octets), 0, file);
  }
});

Deno.test({
  name: "applyMarks() on every mail gives one that reads the same but for the marks",
  ignore,
}, () => {
  for (const { file } of [...evasion, ...mail.filter((_, i) => i % 10 === 0)]) {
    const octets = corpusFile(file);
    const before = readMessage(octets, testBudget());
    const chunks = applyMarks(octets, before.layout, {
      fields: [{ name: "X-Postern-Status", value: "clean\r\nX-Forged: 1" }],
      subjectPrefix: "[TEST] ",
    });
    const after = readMessage(Buffer.concat(chunks), testBudget());
    assert.deepEqual(after.header("x-postern-status"), ["clean X-Forged: 1"], file);
    assert.equal(after.header("x-forged").length, 0, file);
    assert.ok(after.subject?.startsWith("[TEST]"), file);
    assert.equal(after.parts.length, before.parts.length, file);
    assert.equal(after.layout.ownFields.length, 1, file);
  }
});

Deno.test({
  name: "rewriteMessage() takes EICAR out of every mail of evasion/ or says that it cannot",
  ignore,
}, () => {
  let cleaned = 0;
  for (const { file } of evasion) {
    const octets = corpusFile(file);
    const { parts } = readMessage(octets, testBudget());
    const bad = parts.filter((part) =>
      part.contents.some(({ octets }) => latin1(octets).includes(EICAR))
    );
    if (bad.length === 0) continue;
    const result = rewriteMessage(octets, {
      remove: bad.map((part) => ({ part: part.path, notice: "Removed by the mail gateway." })),
    });
    if (result.failed.length > 0) continue;
    cleaned++;
    const after = readMessage(result.message, testBudget());
    assert.ok(!contains(after, (text) => text.includes(EICAR)), file);
  }
  assert.ok(cleaned > 90, `${cleaned}`);
});

Deno.test("looksLikeMail() knows mail by its first line, however that begins", () => {
  const rest = "\r\nTo: b@example.test\r\n\r\nhello\r\n";
  const octets = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
  for (
    const first of [
      "From: a@example.test",
      "\0\0 \r\n\xef\xbb\xbf\n\xa0From: a@example.test",
      "From a@example.test Sun Nov 22 10:00:00 2026\r\nFrom: a@example.test",
      ">From a@example.test Sun Nov 22 10:00:00 2026\r\nFrom: a@example.test",
      "Subject \t: x",
      "Subject (of this mail): x",
      "Subject(of this mail) : x",
      `${"X-".padEnd(76, "y")}: z\r\nFrom: a@example.test`,
    ]
  ) assert.ok(looksLikeMail(octets(first + rest)), first);
  assert.ok(looksLikeMail(octets("--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n")));
  for (const first of ["A note", "A note: x", ": x", "<From: a@example.test>", "From\x01: a"]) {
    assert.ok(!looksLikeMail(octets(first + rest)), first);
  }
});
