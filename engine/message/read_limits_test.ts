/** The reader on mail made to cost much: each is answered in time that grows with its size, and says what it did not read. */
import assert from "node:assert/strict";
import { inTime } from "../../tests/in_time.ts";
import { octets, testBudget } from "./fixtures/testing.ts";
import { readMessage } from "./read.ts";
import type { MessageReading } from "./types.ts";

const MANY = 50_000;

/** Milliseconds that one row may take on a loaded machine; each takes a tenth of it, and would take minutes if it were quadratic. */
const MOST_MS = 10_000;

const MULTIPART = "From: a@example.test\r\nContent-Type: multipart/mixed; boundary=b\r\n";
const TEXT = "From: a@example.test\r\n\r\n";

function each(make: (i: number) => string): string {
  return Array.from({ length: MANY }, (_, i) => make(i)).join("");
}

const rows: { name: string; text: () => string; breach?: string }[] = [
  {
    name: "100,000 parts",
    text: () => `${MULTIPART}\r\n${"--b\r\n\r\nx\r\n".repeat(100_000)}`,
    breach: "files",
  },
  {
    name: "600,000 lines of dashes",
    text: () => `${MULTIPART}\r\n${"--c\r\n".repeat(600_000)}`,
    breach: "malformed",
  },
  {
    name: "10,000 multiparts in each other, each boundary the beginning of others",
    text: () =>
      Array.from(
        { length: 10_000 },
        (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
      ).join(""),
    breach: "files",
  },
  { name: "100,000 fields", text: () => "X-A: 1\r\n".repeat(100_000) },
  {
    name: "fields that each declare a boundary",
    text: () => each((i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n`),
    breach: "malformed",
  },
  { name: "lines that are no fields", text: () => "no field at all\r\n".repeat(MANY) },
  { name: "one line", text: () => "a".repeat(10_000_000) },
  { name: "an open comment in each name", text: () => "A(:\r\n".repeat(MANY) },
  {
    name: "fields that end in a bare CR",
    text: () => "Content-Type: text/plain\r".repeat(MANY),
    breach: "malformed",
  },
  { name: "a run of CRs", text: () => `A: b${"\r".repeat(2_000_000)}x\r\n\r\n` },
  {
    name: "a run of blanks before =",
    text: () => `Content-Type: multipart/mixed; boundary${" ".repeat(1_000_000)}=b\r\n\r\n`,
    breach: "malformed",
  },
  {
    name: "pieces of RFC 2231",
    text: () => `Content-Type: multipart/mixed; ${each((i) => `boundary*${i}=x;`)}\r\n\r\n`,
    breach: "malformed",
  },
  { name: "empty folds", text: () => `Subject: a\r\n${" \r\n".repeat(500_000)}\r\n` },
  {
    name: "encoded words without end",
    text: () => `Subject: ${"=?utf-8?q?a".repeat(MANY)}\r\n\r\n`,
  },
  { name: "begin lines", text: () => TEXT + "begin 644 a\r\n".repeat(MANY) },
  {
    name: "begin lines between bare CRs",
    text: () => TEXT + "begin 644 a\rwords\r".repeat(MANY),
  },
  {
    name: "a uuencoded body of odd lines",
    text: () =>
      `Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 a\r\n${
        "#0V%T\r\nwords\r".repeat(4 * MANY)
      }`,
  },
  {
    name: "delimiters in headers",
    text: () => `${MULTIPART}\r\n--b\r\n${"X: y\r\n--b--\r\n Y: z\r\n".repeat(MANY)}`,
    breach: "files",
  },
  {
    name: "headers in the text",
    text: () => TEXT + "X: y\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n".repeat(MANY),
    breach: "malformed",
  },
  {
    name: "delimiters of no boundary that is known",
    text: () => `Content-Type: multipart/mixed\r\n\r\n${each((i) => `--b${i}\r\nX: y\r\n\r\n`)}`,
    breach: "files",
  },
  {
    name: "malformed uuencoded files",
    text: () => TEXT + "begin a\r\n#0V%T\r\n".repeat(MANY),
    breach: "files",
  },
  {
    name: "base64 uuencoded files",
    text: () => TEXT + "begin-base64 644 a\r\nQUJD\r\n".repeat(MANY),
    breach: "files",
  },
  { name: "yEnc files without data", text: () => TEXT + "=ybegin x\r\n=yend\r\n".repeat(MANY) },
  {
    name: "BinHex sentences",
    text: () => TEXT + "(This file must be converted with BinHex 4.0)\r\n:".repeat(MANY),
  },
  {
    name: "multiparts that nobody declared",
    text: () => TEXT + each((i) => `--b${i}\r\nContent-Type: text/plain\r\n\r\nx\r\n`),
    breach: "files",
  },
  {
    name: "nested multiparts",
    text: () => each((i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`),
    breach: "depth",
  },
  {
    name: "nested messages",
    text: () => "Content-Type: message/rfc822\r\nFrom: a@example.test\r\n\r\n".repeat(MANY),
    breach: "depth",
  },
  {
    name: "nested multiparts of two boundaries each",
    text: () =>
      Array.from(
        { length: 20 },
        (_, i) =>
          `Content-Type: multipart/mixed; boundary=a${i}; boundary=b${i}\r\n\r\n--b${i}\r\nX: 1\r\n\r\n--a${i}\r\n`,
      ).join("") + "x\r\n".repeat(100_000),
    breach: "octets",
  },
  {
    name: "NULs before a boundary",
    text: () => `${MULTIPART}\r\n${`--${"\0".repeat(100)}b\r\n`.repeat(MANY)}`,
    breach: "files",
  },
  { name: "tags", text: () => TEXT + `<${"b".repeat(250)}\r\n`.repeat(MANY) },
];

for (const { name, text, breach } of rows) {
  Deno.test(`readMessage() answers in time on ${name}`, { permissions: "none" }, () => {
    const input = octets(text());
    let budget = testBudget();
    let parts: MessageReading["parts"] = [];
    inTime(MOST_MS, () => {
      budget = testBudget();
      ({ parts } = readMessage(input, budget));
    });
    assert.ok(parts.length <= 10_001);
    assert.equal(budget.breaches.includes("time"), false);
    if (breach === undefined) assert.deepEqual(budget.breaches, []);
    else assert.ok(budget.breaches.some((one) => one === breach), JSON.stringify(budget.breaches));
  });
}

Deno.test("readMessage() keeps to the octets that it may decode", { permissions: "none" }, () => {
  const coded = btoa("x".repeat(30_000));
  const part = `--b\r\nContent-Transfer-Encoding: base64\r\n\r\n${coded}\r\n`;
  const enough = testBudget({ octets: 60_000 });
  readMessage(octets(`${MULTIPART}\r\n${part}${part}--b--`), enough);
  assert.deepEqual(enough.breaches, []);
  const short = testBudget({ octets: 59_999 });
  readMessage(octets(`${MULTIPART}\r\n${part}${part}--b--`), short);
  assert.deepEqual(short.breaches, ["octets"]);
});

Deno.test("readMessage() stops when the time is over", { permissions: "none" }, () => {
  const budget = testBudget({ timeMs: 0 });
  const { parts } = readMessage(
    octets(`${MULTIPART}\r\n${"--b\r\n\r\nx\r\n".repeat(1_000)}`),
    budget,
  );
  assert.ok(parts.length < 200);
  assert.deepEqual(budget.breaches, ["time"]);
});
