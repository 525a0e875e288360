import assert from "node:assert/strict";
import { hasBareLineEnd, stuffDots, unstuffDots, Wire } from "./wire.ts";

const text = (octets: Uint8Array) => new TextDecoder("latin1").decode(octets);
const octets = (characters: string) => new TextEncoder().encode(characters);

/** A connection that gives `stream` in two reads, cut at `cut`, and then closes. */
function cutConnection(stream: Uint8Array, cut: number): Deno.Conn {
  const reads = [stream.subarray(0, cut), stream.subarray(cut)].filter((part) => part.length > 0);
  return {
    read(into: Uint8Array) {
      const next = reads.shift();
      if (next === undefined) return Promise.resolve(null);
      into.set(next);
      return Promise.resolve(next.length);
    },
  } as Deno.Conn;
}

const cases: { name: string; stream: string; want: string; after: string }[] = [
  { name: "ends at the lone dot", stream: "a\r\n.\r\nQUIT\r\n", want: "a\r\n", after: "QUIT" },
  { name: "reads an empty message", stream: ".\r\nQUIT\r\n", want: "", after: "QUIT" },
  { name: "keeps doubled dots", stream: "..\r\n.\r\nQUIT\r\n", want: "..\r\n", after: "QUIT" },
  {
    name: "does not end at LF dot LF",
    stream: "a\n.\n\r\n.\r\nX\r\n",
    want: "a\n.\n\r\n",
    after: "X",
  },
];
for (const { name, stream, want, after } of cases) {
  Deno.test(`Wire.data() ${name}, cut anywhere`, { permissions: "none" }, async () => {
    const all = octets(stream);
    for (let cut = 0; cut <= all.length; cut++) {
      const wire = new Wire(cutConnection(all, cut));
      assert.equal(text(await wire.data()), want);
      assert.equal(await wire.line(), after);
    }
  });
}

Deno.test("stuffDots() and unstuffDots() are each other's inverse", { permissions: "none" }, () => {
  for (const message of ["", ".", ".\r\n", "a\r\n.b\r\n..\r\n", "\r\n.\r\n.\r\n", "x.\r\ny"]) {
    assert.equal(text(unstuffDots(stuffDots(octets(message)))), message);
  }
  assert.equal(text(stuffDots(octets(".\r\n..a\r\n"))), "..\r\n...a\r\n");
});

Deno.test("hasBareLineEnd() sees a lone CR and a lone LF", { permissions: "none" }, () => {
  assert.equal(hasBareLineEnd(octets("a\r\nb\r\n")), false);
  for (const bad of ["a\nb", "\n", "a\rb", "a\r", "\r\r\n"]) {
    assert.equal(hasBareLineEnd(octets(bad)), true);
  }
});
