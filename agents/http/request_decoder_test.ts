import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import type { PosternError } from "../../errors.ts";
import { MAX_FIELDS, MAX_LINE_OCTETS } from "./limits.ts";
import { RequestDecoder, type RequestHead } from "./request_decoder.ts";

/** Requests as text, bodies joined; the code of the failure at the end. */
function read(chunks: readonly Uint8Array[]): string[] {
  const decoder = new RequestDecoder();
  const seen: string[] = [];
  let head: RequestHead | undefined;
  let body = "";
  try {
    for (const chunk of [...chunks, new Uint8Array(0)]) {
      let input = chunk;
      while (true) {
        const { used, event } = decoder.take(input);
        input = input.subarray(used);
        if (event?.kind === "head") {
          head = event.head;
          body = "";
        } else if (event?.kind === "piece") body += Buffer.from(event.octets).toString("latin1");
        else if (event?.kind === "end") {
          const { method, target, protocol, keepAlive, fields } = head!;
          const own = fields.filter(([name]) => name.startsWith("x-")).map((each) =>
            each.join("=")
          );
          seen.push(
            [method, target, protocol, keepAlive ? "keep" : "close", ...own, `[${body}]`].join(" "),
          );
        }
        if (!event && used === 0) break;
      }
    }
  } catch (error) {
    seen.push((error as PosternError).code);
  }
  return seen;
}

const POST = "POST /checkv2 HTTP/1.1\r\n";
const ROWS: readonly [name: string, input: string, want: readonly string[]][] = [
  ["reads GET", "GET /ping HTTP/1.1\r\n\r\n", ["GET /ping HTTP/1.1 keep []"]],
  ["closes after HTTP/1.0", "GET /ping HTTP/1.0\r\n\r\n", ["GET /ping HTTP/1.0 close []"]],
  ["keeps HTTP/1.0 that asks for it", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", [
    "GET / HTTP/1.0 keep []",
  ]],
  ["closes where the client says so", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", [
    "GET / HTTP/1.1 close []",
  ]],
  ["reads a body by its length", `${POST}Content-Length: 5\r\n\r\nab\r\ncGET`, [
    "POST /checkv2 HTTP/1.1 keep [ab\r\nc]",
  ]],
  [
    "reads requests one behind the other",
    `${POST}Content-Length: 1\r\n\r\nxGET /ping HTTP/1.1\r\n\r\n`,
    ["POST /checkv2 HTTP/1.1 keep [x]", "GET /ping HTTP/1.1 keep []"],
  ],
  [
    "reads chunks",
    `${POST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n`,
    ["POST /checkv2 HTTP/1.1 keep [abc0123456789]"],
  ],
  ["keeps repeated fields apart", "GET / HTTP/1.1\r\nX-A: 1\r\nx-a:2 \r\n\r\n", [
    "GET / HTTP/1.1 keep x-a=1 x-a=2 []",
  ]],
  ["reads what Exim sends", "CHECK RSPAMC/1.3\r\nContent-length: 2\r\n\r\nhi", [
    "CHECK  RSPAMC close [hi]",
  ]],
  ["passes over empty lines before a request", "\r\n\r\nGET / HTTP/1.1\r\n\r\n", [
    "GET / HTTP/1.1 keep []",
  ]],
  [
    "refuses a length and chunks together (RFC 9112, 6.3)",
    `${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ["wire/bad-frame"],
  ],
  ["refuses two lengths that differ", `${POST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`, [
    "wire/bad-frame",
  ]],
  ["takes one length said twice", `${POST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, [
    "POST /checkv2 HTTP/1.1 keep [abc]",
  ]],
  ["refuses a length with a sign", `${POST}Content-Length: +3\r\n\r\nabc`, ["wire/bad-frame"]],
  ["refuses a length past all numbers", `${POST}Content-Length: 99999999999999999999\r\n\r\n`, [
    "wire/bad-frame",
  ]],
  ["refuses other codings", `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, [
    "wire/bad-frame",
  ]],
  ["refuses a blank before the colon", `${POST}Content-Length : 3\r\n\r\nabc`, ["wire/bad-frame"]],
  ["refuses folded fields", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", ["wire/bad-frame"]],
  ["refuses a bare CR", "GET / HTTP/1.1\r\nA: b\rContent-Length: 3\r\n\r\n", ["wire/bad-frame"]],
  ["refuses NUL", "GET / HTTP/1.1\r\nA: b\0\r\n\r\n", ["wire/bad-frame"]],
  [
    "refuses a chunk that is longer than it says",
    `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n`,
    ["wire/bad-frame"],
  ],
  ["refuses a chunk without a length", `${POST}Transfer-Encoding: chunked\r\n\r\n\r\n`, [
    "wire/bad-frame",
  ]],
  ["refuses a chunk of all memory", `${POST}Transfer-Encoding: chunked\r\n\r\nfffffffff\r\n`, [
    "wire/bad-frame",
  ]],
  ["refuses an absolute target", "GET http://x/ HTTP/1.1\r\n\r\n", ["wire/bad-frame"]],
  ["refuses HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ["wire/bad-frame"]],
  ["refuses TLS", "\x16\x03\x01\x02\x00\x01\x00\n", ["wire/bad-frame"]],
];

for (const [name, input, want] of ROWS) {
  Deno.test(`http: RequestDecoder ${name}`, { permissions: "none" }, () => {
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

Deno.test("http: RequestDecoder keeps its limits, and stays failed past them", {
  permissions: "none",
}, () => {
  const fields = (count: number) =>
    Buffer.from(`GET / HTTP/1.1\r\n${"A: b\r\n".repeat(count)}\r\n`);
  assert.equal(read([fields(MAX_FIELDS)]).length, 1);
  assert.deepEqual(read([fields(MAX_FIELDS + 1)]), ["wire/too-long"]);
  const large = `X: ${"y".repeat(8000)}\r\n`.repeat(40);
  assert.deepEqual(read([Buffer.from(`GET / HTTP/1.1\r\n${large}\r\n`)]), ["wire/too-long"]);
  const decoder = new RequestDecoder();
  assert.throws(() => decoder.take(Buffer.alloc(MAX_LINE_OCTETS + 1, "x")), {
    code: "wire/too-long",
  });
  assert.throws(() => decoder.take(Buffer.from("GET / HTTP/1.1\r\n\r\n")), {
    code: "wire/too-long",
  });
});

Deno.test(
  "http: RequestDecoder reads anything the same however it is cut",
  { permissions: "none" },
  () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "GET / HTTP/1.1\r\n",
        POST,
        "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "\r\n",
        "3\r\nabc\r\n",
        "0\r\n\r\n",
        "abc",
      ),
      fc.string({ maxLength: 20 }),
    );
    fc.assert(fc.property(fc.array(piece), fc.array(fc.nat(300)), (pieces, cuts) => {
      const octets = Buffer.from(pieces.join(""), "latin1");
      const places = [...new Set([0, ...cuts.map((cut) => Math.min(cut, octets.length))])]
        .sort((a, b) => a - b);
      const chunks = places.map((at, i) => octets.subarray(at, places[i + 1]));
      assert.deepEqual(read(chunks), read([octets]));
    }));
  },
);
