import assert from "node:assert/strict";
import fc from "fast-check";
import { PosternError } from "../../errors.ts";
import type { WireStream } from "../stream.ts";
import { type HopReply, relayed, ReplyReader } from "./reply_reader.ts";

const octets = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** A stream that gives these pieces and then ends. */
function streamOf(pieces: readonly Uint8Array[]): WireStream {
  const left = [...pieces];
  return {
    remoteAddress: "",
    remotePort: 0,
    read: (buffer) => {
      const piece = left.shift();
      if (piece) buffer.set(piece);
      return Promise.resolve(piece ? piece.length : null);
    },
    write: () => Promise.resolve(),
    deadline: () => {},
    end: () => Promise.resolve(),
    close: () => {},
  };
}

async function readAll(pieces: readonly Uint8Array[]): Promise<(HopReply | string)[]> {
  const reader = new ReplyReader(streamOf(pieces.filter((piece) => piece.length > 0)));
  const replies: (HopReply | string)[] = [];
  try {
    while (true) replies.push(await reader.read());
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return [...replies, error.code];
  }
}

const cases: { name: string; input: string; want: (HopReply | string)[] }[] = [
  { name: "one line", input: "250 Ok\r\n", want: [{ code: 250, lines: ["Ok"] }, "wire/closed"] },
  {
    name: "no text",
    input: "250\r\n354 \r\n",
    want: [{ code: 250, lines: [""] }, { code: 354, lines: [""] }, "wire/closed"],
  },
  {
    name: "several lines",
    input: "250-a\r\n250-b\r\n250 c\r\n",
    want: [{ code: 250, lines: ["a", "b", "c"] }, "wire/closed"],
  },
  { name: "codes that differ", input: "250-a\r\n550 b\r\n", want: ["wire/bad-frame"] },
  { name: "what is no reply", input: "hello\r\n", want: ["wire/bad-frame"] },
  { name: "a code that is none", input: "650 x\r\n", want: ["wire/bad-frame"] },
  { name: "a bare LF", input: "250 a\n250 b\r\n", want: ["wire/bare-line-end"] },
  { name: "an end inside a reply", input: "250-a\r\n25", want: ["wire/closed"] },
];
for (const { name, input, want } of cases) {
  Deno.test(`ReplyReader.read() ${name}, cut at every octet`, { permissions: "none" }, async () => {
    const all = octets(input);
    for (let cut = 0; cut <= all.length; cut++) {
      assert.deepEqual(await readAll([all.subarray(0, cut), all.subarray(cut)]), want);
    }
  });
}

Deno.test("ReplyReader.read() ends for any octets", { permissions: "none" }, async () => {
  const piece = fc.constantFrom("250", "-", " ", "\r\n", "x", "\r", "\n", "250-a\r\n", "\0");
  await fc.assert(fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
    assert.equal(typeof (await readAll(pieces.map(octets))).at(-1), "string");
  }));
});

Deno.test("ReplyReader.read() bounds a reply", { permissions: "none" }, async () => {
  assert.equal((await readAll([octets("250-a\r\n".repeat(500))])).at(-1), "wire/bad-frame");
  const long = octets("250 " + "x".repeat(5000));
  assert.equal(
    (await readAll([long.subarray(0, 4000), long.subarray(4000)])).at(-1),
    "wire/too-long",
  );
});

Deno.test("relayed() says one clean line with an enhanced code of its class", {
  permissions: "none",
}, () => {
  const rows: [HopReply, string][] = [
    [{ code: 550, lines: ["5.1.1 No such", "5.1.1 user"] }, "550 5.1.1 No such user"],
    [{ code: 550, lines: ["2.0.0 odd\r\n250 Ok"] }, "550 5.0.0 odd 250 Ok"],
    [{ code: 421, lines: ["4.3.2 Going"] }, "451 4.3.2 Going"],
    [{ code: 354, lines: ["Go"] }, "451 4.0.0 Go"],
    [{ code: 250, lines: [""] }, "250 2.0.0 No text"],
    [{ code: 450, lines: ["\u00e9\x1b[31m"] }, "450 4.0.0 [31m"],
  ];
  for (const [reply, want] of rows) assert.equal(relayed(reply), want);
});
