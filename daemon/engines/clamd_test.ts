import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { askClamd, clamdAnswer } from "./clamd.ts";
import { connector } from "./connect.ts";
import { MAX_CLAMD_ANSWER } from "./limits.ts";
import { scriptedServer } from "./testing/server.ts";

const ANSWERS: readonly [text: string, answer: string][] = [
  ["stream: OK", "clean"],
  ["stream: OK\n", "clean"],
  ["stream: Eicar-Test-Signature FOUND", "found Eicar-Test-Signature"],
  ["stream: Win.Test(44d88612fea8a8f36de82e1278abb02f:68) FOUND", "found Win.Test"],
  ["stream: a name with blanks FOUND", "found a name with blanks"],
  ["stream: b\x1b[31m\u0000 FOUND", "found b [31m"],
  ["stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND", "partial"],
  ["INSTREAM size limit exceeded. ERROR", "size"],
  ["stream: Can't allocate memory ERROR", "error"],
  ["COMMAND UNAVAILABLE", "error"],
  ["UNKNOWN COMMAND", "error"],
  ["", "malformed"],
  ["OK", "malformed"],
  ["stream: OKAY", "malformed"],
  ["stream:  FOUND", "malformed"],
  ["fd[10]: OK", "malformed"],
  ["stream: OK\nstream: x FOUND", "malformed"],
];

const short = (answer: ReturnType<typeof clamdAnswer>) =>
  answer.status === "found"
    ? `found ${answer.found.map(({ name }) => name).join(", ")}`
    : answer.status === "clean"
    ? "clean"
    : answer.reason;

Deno.test("clamdAnswer() knows clamd's answers and takes nothing else for one", () => {
  for (const [text, answer] of ANSWERS) assert.equal(short(clamdAnswer(text)), answer, text);
});

Deno.test("clamdAnswer() never calls clean what is not exactly that, and bounds what it hands on", () => {
  fc.assert(fc.property(fc.string({ maxLength: 600, unit: "binary" }), (text) => {
    for (const each of [text, `stream: ${text} FOUND`, `stream: ${text} ERROR`]) {
      const answer = clamdAnswer(each);
      if (answer.status === "clean") assert.match(each, /^stream: OK[\r\n]*$/);
      if (answer.status === "found") {
        for (const { name } of answer.found) assert.match(name, /^[\x20-\x7e]{1,200}$/);
      }
      if (answer.status === "notScanned") assert.match(answer.detail, /^[\x20-\x7e]{0,300}$/);
    }
  }));
});

Deno.test("askClamd() gives all octets in chunks and reads the answer", async () => {
  const octets = new Uint8Array(200_000).map((_, i) => i * 7);
  let got = "";
  await using server = scriptedServer(async (at) => {
    got = await at.until((text) => text.endsWith("\0\0\0\0"));
    await at.say("stream: Name FOUND\0");
  });
  const answer = await askClamd(connector(server.address), octets, AbortSignal.timeout(60_000));
  assert.equal(short(answer), "found Name");
  const sent = Buffer.from(got, "latin1");
  assert.equal(sent.subarray(0, 10).toString("latin1"), "zINSTREAM\0");
  const chunks: Uint8Array[] = [];
  let at = 10;
  for (;;) {
    const size = sent.readUInt32BE(at);
    at += 4;
    if (size === 0) break;
    chunks.push(sent.subarray(at, at + size));
    at += size;
  }
  assert.equal(at, sent.length);
  assert.ok(Buffer.concat(chunks).equals(octets));
});

Deno.test("askClamd() takes an answer that comes before all was given", async () => {
  await using server = scriptedServer(async (at) => {
    await at.until((text) => text.length > 100_000);
    await at.say("INSTREAM size limit exceeded. ERROR\0");
    await at.until((text) => text.length > 150_000);
  });
  const octets = new Uint8Array(50 * 2 ** 20);
  const answer = await askClamd(connector(server.address), octets, AbortSignal.timeout(60_000));
  assert.equal(short(answer), "size");
});

for (
  const [what, answer] of [
    ["nothing", ""],
    ["an answer without its end", "stream: OK"],
    ["more than an answer has", "x".repeat(2 * MAX_CLAMD_ANSWER)],
  ] as const
) {
  Deno.test(`askClamd() has no answer where clamd says ${what}`, async () => {
    await using server = scriptedServer(async (at) => {
      await at.until((text) => text.endsWith("\0\0\0\0"));
      await at.say(answer);
    });
    const asked = askClamd(
      connector(server.address),
      new Uint8Array(10),
      AbortSignal.timeout(60_000),
    );
    await assert.rejects(asked, /wire|answer|long/i);
  });
}

Deno.test("askClamd() lets go at its time limit, wherever clamd hangs", async () => {
  for (const silentAfter of [0, 10]) {
    await using server = scriptedServer(async (at) => {
      await at.until((text) => text.length >= silentAfter);
      await at.gone();
    });
    const over = new AbortController();
    const asked = askClamd(connector(server.address), new Uint8Array(10), over.signal);
    over.abort("time");
    await assert.rejects(asked, (reason) => reason === "time");
  }
});
