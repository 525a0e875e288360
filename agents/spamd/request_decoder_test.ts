import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { PosternError } from "../../errors.ts";
import { MAX_FIELDS, MAX_LINE_OCTETS } from "./limits.ts";
import { RequestDecoder } from "./request_decoder.ts";

/** The request and what is behind it, or the words of the failure. */
function read(chunks: readonly Uint8Array[]): unknown {
  const decoder = new RequestDecoder();
  let request: unknown;
  let rest = "";
  try {
    for (const chunk of chunks) {
      let input = chunk;
      while (input.length > 0 && !request) {
        const taken = decoder.take(input);
        input = input.subarray(taken.used);
        request = taken.request;
      }
      if (request) rest += Buffer.from(input).toString("latin1");
    }
  } catch (error) {
    const { code, message } = error as PosternError;
    assert.equal(code, "wire/bad-frame");
    return message;
  }
  return request ? { ...request, rest } : undefined;
}

const PLAIN = { method: "CHECK", version: 15, compressed: false };
const CASES: readonly [name: string, input: string, want: unknown][] = [
  [
    "reads a request",
    "CHECK SPAMC/1.5\r\nContent-length: 4\r\nUser: joe\r\n\r\nbody",
    { ...PLAIN, contentLength: 4, user: "joe", rest: "body" },
  ],
  ["takes LF for a line end, as spamd does", "CHECK SPAMC/1.5\n\nbody", { ...PLAIN, rest: "body" }],
  ["needs no length", "PROCESS SPAMC/1.2\r\n\r\n", {
    ...PLAIN,
    method: "PROCESS",
    version: 12,
    rest: "",
  }],
  [
    "reads Compress in any case",
    "CHECK SPAMC/1.5\r\ncompress:ZLIB\r\nCONTENT-LENGTH:0\r\n\r\n",
    { ...PLAIN, compressed: true, contentLength: 0, rest: "" },
  ],
  [
    "ignores what later versions add",
    "CHECK SPAMC/1.9\r\nX-New: y\r\nMessage-class: spam\r\n\r\n",
    { ...PLAIN, version: 19, rest: "" },
  ],
  ["has no header behind PING before 1.5", "PING SPAMC/1.2\r\n", {
    method: "PING",
    version: 12,
    compressed: false,
    rest: "",
  }],
  ["waits for the header of PING from 1.5 on", "PING SPAMC/1.5\r\n", undefined],
  ["refuses what is no method", "FOO SPAMC/1.5\r\n\r\n", "FOO SPAMC/1.5"],
  ["refuses a method in lower case", "check SPAMC/1.5\r\n\r\n", "check SPAMC/1.5"],
  ["refuses another protocol", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1"],
  ["shows no control characters of it", "GET \x1b[2J\x00\r\n", "GET ?[2J?"],
  [
    "refuses a length that is none",
    "CHECK SPAMC/1.5\r\nContent-length: 4x\r\n\r\n",
    "(Content-Length contains non-numeric bytes)",
  ],
  [
    "refuses a negative length",
    "CHECK SPAMC/1.5\r\nContent-length: -1\r\n\r\n",
    "(Content-Length contains non-numeric bytes)",
  ],
  [
    "refuses a length past all numbers",
    `CHECK SPAMC/1.5\r\nContent-length: ${"9".repeat(20)}\r\n\r\n`,
    "(Content-Length contains non-numeric bytes)",
  ],
  [
    "refuses two lengths that differ",
    "CHECK SPAMC/1.5\r\nContent-length: 1\r\nContent-length: 2\r\n\r\n",
    "(two Content-Length headers that differ)",
  ],
  [
    "refuses a field without a colon",
    "CHECK SPAMC/1.5\r\nnonsense\r\n\r\n",
    "(header not in 'Name: value' format)",
  ],
  [
    "refuses other compressions",
    "CHECK SPAMC/1.5\r\nCompress: gzip\r\n\r\n",
    "(compression type not supported: gzip)",
  ],
  [
    "refuses a user with control characters",
    "CHECK SPAMC/1.5\r\nUser: a\x07b\r\n\r\n",
    "(User header contains control chars)",
  ],
  [
    "attack 64: takes a user that looks like a path for the text that it is",
    "CHECK SPAMC/1.5\r\nUser: ../../etc/passwd\r\n\r\n",
    { ...PLAIN, user: "../../etc/passwd", rest: "" },
  ],
];

for (const [name, input, want] of CASES) {
  Deno.test(`RequestDecoder ${name}`, { permissions: "none" }, () => {
    const octets = Buffer.from(input, "latin1");
    for (let cut = 0; cut <= octets.length; cut++) {
      assert.deepEqual(
        read([octets.subarray(0, cut), octets.subarray(cut)]),
        want,
        `cut at ${cut}`,
      );
    }
  });
}

Deno.test(
  "RequestDecoder keeps its limits, and stays failed past them",
  { permissions: "none" },
  () => {
    const fields = (count: number) => "A: b\r\n".repeat(count);
    const request = (count: number) => Buffer.from(`CHECK SPAMC/1.5\r\n${fields(count)}\r\n`);
    assert.deepEqual(read([request(MAX_FIELDS)]), { ...PLAIN, rest: "" });
    assert.equal(read([request(MAX_FIELDS + 1)]), "(too many headers)");
    const decoder = new RequestDecoder();
    const long = Buffer.alloc(MAX_LINE_OCTETS + 1, "x");
    assert.throws(() => decoder.take(long), { message: "(line too long)" });
    assert.throws(() => decoder.take(Buffer.from("CHECK SPAMC/1.5\r\n\r\n")), {
      message: "(line too long)",
    });
  },
);

Deno.test(
  "RequestDecoder reads garbage the same however it is cut",
  { permissions: "none" },
  () => {
    const line = fc.oneof(
      fc.constantFrom("CHECK SPAMC/1.5\r\n", "User: a\r\n", "Content-length: 3\r\n", "\r\n", "\n"),
      fc.string({ maxLength: 30 }),
    );
    fc.assert(fc.property(fc.array(line), fc.nat(300), (lines, cut) => {
      const octets = Buffer.from(lines.join(""), "latin1");
      assert.deepEqual(read([octets.subarray(0, cut), octets.subarray(cut)]), read([octets]));
    }));
  },
);
