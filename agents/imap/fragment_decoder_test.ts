import assert from "node:assert/strict";
import fc from "fast-check";
import { PosternError } from "../../errors.ts";
import { FragmentDecoder } from "./fragment_decoder.ts";
import { literalHead } from "./literal_head.ts";
import { latin1, octetsOf } from "./pieces.ts";

/** What pieces decode to: lines, `<literal>`s put together, `!` behind a line that is unclean, `?` behind an unclear one. */
function decode(
  pieces: readonly Uint8Array[],
  from: "client" | "server",
  maxLine = 1000,
): string[] | string {
  const decoder = new FragmentDecoder({ maxLine, from });
  const out: string[] = [];
  let literal: string | undefined;
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        const { used, fragment } = decoder.take(piece, at);
        assert.ok(used > 0);
        at += used;
        if (fragment?.kind === "literal") {
          literal = (literal ?? "") + latin1(fragment.octets);
          if (!fragment.done) continue;
          out.push(`<${literal}>`);
          literal = undefined;
        } else if (fragment) {
          const mark = fragment.unclean ? "!" : fragment.end === "unclear" ? "?" : "";
          out.push(latin1(fragment.octets) + mark);
        }
      }
    }
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    assert.throws(() => decoder.take(octetsOf("A\r\n")), { code: error.code }); // it stays failed
    return error.code;
  }
  return out;
}

const cases: {
  name: string;
  from: "client" | "server";
  input: string;
  want: string[] | string;
  maxLine?: number;
}[] = [
  {
    name: "splits at CRLF",
    from: "client",
    input: "a NOOP\r\nb NOOP\r\n",
    want: ["a NOOP", "b NOOP"],
  },
  { name: "takes a client's LF", from: "client", input: "a NOOP\nb\r\n", want: ["a NOOP", "b"] },
  { name: "marks a CR within a client's line", from: "client", input: "a\rb\r\n", want: ["a\rb!"] },
  { name: "marks a NUL", from: "client", input: "a\0b\r\n", want: ["a\0b!"] },
  {
    name: "reads a literal by its length alone",
    from: "client",
    input: "a LOGIN {10}\r\n\r\nb NOOP\r\n x\r\n",
    want: ["a LOGIN {10}", "<\r\nb NOOP\r\n>", " x"],
  },
  {
    name: "reads literals that do not wait, and literal8",
    from: "client",
    input: "a X {2+}\r\n{} ~{3}\r\na\0\n\r\n",
    want: ["a X {2+}", "<{}>", " ~{3}", "<a\0\n>", ""],
  },
  {
    name: "reads an empty literal",
    from: "client",
    input: "a X {0+}\r\n\r\n",
    want: ["a X {0+}", ""],
  },
  {
    name: "sees no literal in quotes",
    from: "client",
    input: 'a X "b {3}\r\n',
    want: ['a X "b {3}?'],
  },
  { name: "sees no literal in a word", from: "client", input: "a X b{3}\r\n", want: ["a X b{3}?"] },
  { name: "sees no literal in {3-}", from: "client", input: "a X {3-}\r\n", want: ["a X {3-}?"] },
  { name: "sees no literal in {}", from: "client", input: "a X {}\r\n", want: ["a X {}?"] },
  {
    name: "takes a quoted brace for text",
    from: "client",
    input: 'a X "{3}" {1+}\r\nz\r\n',
    want: ['a X "{3}" {1+}', "<z>", ""],
  },
  {
    name: "blanks what could begin a line in a server's",
    from: "server",
    input: "* LIST () a\n* 1 FETCH\r\0\r\n",
    want: ["* LIST () a * 1 FETCH  "],
  },
  {
    name: "keeps a line of the limit",
    from: "client",
    input: "12345678\r\n",
    want: ["12345678"],
    maxLine: 8,
  },
  {
    name: "refuses one octet more",
    from: "client",
    input: "123456789\r\n",
    want: "wire/too-long",
    maxLine: 8,
  },
  {
    name: "refuses an endless line",
    from: "server",
    input: "1234567890\n1",
    want: "wire/too-long",
    maxLine: 8,
  },
];
for (const { name, from, input, want, maxLine } of cases) {
  Deno.test(
    `FragmentDecoder.take() ${name}, cut at every two octets`,
    { permissions: "none" },
    () => {
      const octets = octetsOf(input);
      for (let a = 0; a <= octets.length; a++) {
        for (let b = a; b <= octets.length; b++) {
          const pieces = [octets.subarray(0, a), octets.subarray(a, b), octets.subarray(b)];
          assert.deepEqual(decode(pieces, from, maxLine), want);
        }
      }
    },
  );
}

Deno.test("FragmentDecoder.take() gives the same however what comes is cut", {
  permissions: "none",
}, () => {
  const piece = fc.constantFrom(
    "a FETCH 1 (",
    "BODY[]",
    " ",
    "\r\n",
    "\n",
    "\r",
    '"',
    "\\",
    "{3}\r\n",
    "{2+}\r\n",
    "~{4}\r\n",
    "{0}\r\n",
    "x",
    "(",
    ")",
    "\0",
    "{99}",
  );
  const inputs = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(inputs, fc.array(fc.nat(100)), fc.boolean(), (input, cuts, server) => {
      const octets = octetsOf(input);
      const at = [0, ...cuts.map((cut) => cut % (octets.length + 1)), octets.length].sort((a, b) =>
        a - b
      );
      const pieces = at.slice(1).map((end, i) => octets.subarray(at[i]!, end));
      const from = server ? "server" : "client";
      assert.deepEqual(decode(pieces, from), decode([octets], from));
      for (const each of decode([octets], "server") as string[]) {
        if (!each.startsWith("<")) assert.doesNotMatch(each, /[\r\n\0]/);
      }
    }),
    { numRuns: 2000 },
  );
});

Deno.test("literalHead() takes numbers as large as they may be, and no larger", {
  permissions: "none",
}, () => {
  assert.deepEqual(literalHead(octetsOf("a {4294967296}")), {
    size: 4294967296,
    sync: true,
    binary: false,
  });
  assert.equal(literalHead(octetsOf("a {99999999999999999999}")), "unclear");
  for (const zeros of [26, 100]) {
    assert.equal(literalHead(octetsOf(`a {${"3".padStart(zeros, "0")}}`)), "unclear");
  }
  assert.equal(literalHead(octetsOf(`a {${"3".padStart(100, "0")}+}`)), "unclear");
  assert.equal(literalHead(octetsOf(`a ${"3".padStart(100, "0")}`)), undefined);
});
