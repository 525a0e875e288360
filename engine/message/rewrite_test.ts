import assert from "node:assert/strict";
import { latin1, message, testBudget } from "./fixtures/testing.ts";
import { readMessage } from "./read.ts";
import { rewriteMessage } from "./rewrite.ts";

const NOTICE =
  "Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\nContent-Disposition: inline\r\n\r\nGone.\r\n";

const MIXED = message(
  "From: a",
  "Content-Type: multipart/mixed; boundary=b",
  "",
  "--b",
  "",
  "text",
  "--b",
  "Content-Type: application/x-bad",
  "Content-Transfer-Encoding: base64",
  "",
  "QUJD",
  "--b",
  "",
  "more",
  "--b--",
  "",
);

function removed(
  input: Uint8Array,
  ...parts: string[]
): { text: string; failed: readonly string[] } {
  const result = rewriteMessage(input, {
    remove: parts.map((part) => ({ part, notice: "Gone." })),
  });
  assert.deepEqual(result.layout, readMessage(result.message, testBudget()).layout);
  return { text: latin1(result.message), failed: result.failed };
}

Deno.test("rewriteMessage() puts a notice in the place of a part and leaves the rest", {
  permissions: "none",
}, () => {
  const { text, failed } = removed(MIXED, "2");
  assert.deepEqual(failed, []);
  assert.equal(
    text,
    `From: a\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-${NOTICE}\r\n--b\r\n\r\nmore\r\n--b--\r\n\r\n`,
  );
});

Deno.test("rewriteMessage() keeps the fields of a single-part message but for Content-*", {
  permissions: "none",
}, () => {
  const input = message(
    "From: a",
    "Content-Type: application/x-bad;",
    " name=a",
    "content-transfer-encoding: base64",
    "Subject: b",
    "",
    "QUJD",
  );
  const { text, failed } = removed(input, "");
  assert.deepEqual(failed, []);
  assert.equal(text, `From: a\r\nSubject: b\r\nContent-${NOTICE}`);
});

Deno.test(
  "rewriteMessage() takes a part out of an embedded message",
  { permissions: "none" },
  () => {
    const input = message(
      "From: a",
      "Content-Type: message/rfc822",
      "",
      ...latin1(MIXED).split("\r\n"),
    );
    const { text, failed } = removed(input, "1.2");
    assert.deepEqual(failed, []);
    assert.ok(!text.includes("QUJD") && text.includes("more"));
  },
);

Deno.test("rewriteMessage() takes a uuencoded file out of text", { permissions: "none" }, () => {
  const input = message("From: a", "", "before", "begin 644 a", "#0V%T", "`", "end", "after");
  const { text, failed } = removed(input, "1");
  assert.deepEqual(failed, []);
  assert.equal(text, "From: a\r\n\r\nbefore\r\nGone.\r\nafter\r\n");
});

Deno.test("rewriteMessage() says what it cannot take out", { permissions: "none" }, () => {
  assert.deepEqual(removed(MIXED, "9").failed, ["9"]);
  assert.deepEqual(removed(MIXED, "2/eicar.com").failed, ["2/eicar.com"]);
  const encoded = message(
    "Content-Type: multipart/mixed; boundary=b",
    "Content-Transfer-Encoding: base64",
    "",
    btoa(latin1(MIXED).split("\r\n\r\n").slice(1).join("\r\n\r\n")),
  );
  const { parts } = readMessage(encoded, testBudget());
  const inner = parts.find((part) => !part.inMessage && part.kind === "leaf")!;
  assert.deepEqual(removed(encoded, inner.path).failed, [inner.path]);
});

Deno.test(
  "rewriteMessage() takes out the same part in two readings",
  { permissions: "none" },
  () => {
    const input = message(
      'Content-Type: multipart/mixed; boundary="a"; boundary="b"',
      "",
      "--a",
      "Content-Transfer-Encoding: base64",
      "",
      "QUJD",
      "--b",
      "Content-Transfer-Encoding: base64",
      "",
      "REVG",
      "--b--",
      "--a--",
    );
    const { parts } = readMessage(input, testBudget());
    const bad = parts.filter((part) =>
      part.contents.some((content) => latin1(content.octets) === "DEF")
    );
    const result = rewriteMessage(input, {
      remove: bad.map((part) => ({ part: part.path, notice: "Gone." })),
    });
    assert.deepEqual(result.failed, []);
    assert.ok(!latin1(result.message).includes("REVG"));
  },
);

Deno.test("rewriteMessage() writes notices that no reader takes for structure", {
  permissions: "none",
}, () => {
  const { message: out } = rewriteMessage(MIXED, {
    remove: [{ part: "2", notice: "--b--\r\nbegin 644 a\n#0V%T\nContent-Type: x\0" }],
  });
  const before = readMessage(MIXED, testBudget()), after = readMessage(out, testBudget());
  assert.deepEqual(after.parts.map((part) => part.path), before.parts.map((part) => part.path));
});
