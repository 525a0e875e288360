/** Members of tar that readers find by what extension headers, maps and what stands between the members say. */
import assert from "node:assert/strict";
import type { NotScannedReason } from "../types.ts";
import { makeTar } from "./fixtures.ts";
import { concat } from "./octets.ts";
import { untar } from "./tar.ts";
import { openAll } from "./testing/open.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (octets: Uint8Array | undefined) => new TextDecoder().decode(octets);
const END = new Uint8Array(1024);

function padded(octets: Uint8Array): Uint8Array {
  return concat([octets, new Uint8Array((512 - octets.length % 512) % 512)]);
}

/** A header, and what else stands in it by its place. */
function header(
  name: string,
  kind: string,
  size: number,
  more: Readonly<Record<number, string>> = {},
): Uint8Array {
  const octets = new Uint8Array(512);
  const fields = {
    0: name,
    124: size.toString(8).padStart(11, "0"),
    148: " ".repeat(8),
    156: kind,
    257: "ustar  ",
    ...more,
  };
  for (const [at, text] of Object.entries(fields)) octets.set(encode(text), Number(at));
  const sum = octets.reduce((a, b) => a + b, 0);
  octets.set(encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return octets;
}

/** A member with its data. */
function member(
  name: string,
  kind: string,
  data: string,
  more: Readonly<Record<number, string>> = {},
): Uint8Array {
  return concat([header(name, kind, data.length, more), padded(encode(data))]);
}

function record(key: string, value: string): string {
  const text = ` ${key}=${value}\n`;
  const digits = String(text.length + 2).length;
  return `${text.length + digits}${text}`;
}

/** Fields of an old GNU map, from a place on. */
function stretches(
  at: number,
  pairs: readonly (readonly [number, number])[],
): Record<number, string> {
  const octal = (value: number) => value.toString(8).padStart(11, "0");
  return Object.fromEntries(
    pairs.flatMap(([offset, length], i) => [
      [at + 24 * i, octal(offset)],
      [at + 24 * i + 12, octal(length)],
    ]),
  );
}

const ZEROS = "\0".repeat(512);
const A = "a".repeat(512);
const B = "b".repeat(512);
/** A member of zeros, A, zeros, B; stored is B, then A. */
const SPARSE = ZEROS + A + ZEROS + B;
const MAP = [[1536, 512], [512, 512]] as const;

/** A GNU map whose last stretches stand in a block of their own. */
function longMap(): Uint8Array {
  const parts = Array.from({ length: 6 }, (_, i) => [i * 1024, 512] as const);
  const size = (5 * 1024 + 512).toString(8).padStart(11, "0");
  const more = { ...stretches(386, parts.slice(0, 4)), 482: "\x01", 483: size };
  const block = new Uint8Array(512);
  for (const [at, text] of Object.entries(stretches(0, parts.slice(4)))) {
    block.set(encode(text), Number(at));
  }
  return concat([header("s", "S", 6 * 512, more), block, encode(A.repeat(6)), END]);
}

const cases: {
  name: string;
  tar: Uint8Array;
  want: readonly string[];
  reasons?: readonly NotScannedReason[];
}[] = [
  {
    name: "a size of pax for the member, not for the long name before it",
    tar: concat([
      member("p", "x", record("size", "1024")),
      member("././@LongLink", "L", "long"),
      header("x", "0", 1024),
      encode(A + B),
      END,
    ]),
    want: [A + B],
  },
  {
    name: "a size of pax for all that follow",
    tar: concat([
      member("g", "g", record("size", "1024")),
      header("x", "0", 0),
      encode(A + B),
      END,
    ]),
    want: [A + B],
    reasons: ["malformed"],
  },
  {
    name: "a sparse member, old GNU format",
    tar: concat([
      member("s", "S", B + A, { ...stretches(386, MAP), 483: "00000004000" }),
      END,
    ]),
    want: [SPARSE, B + A],
  },
  {
    name: "a sparse member, old GNU format with more of its map behind the header",
    tar: longMap(),
    want: [(A + ZEROS).repeat(5) + A, A.repeat(6)],
  },
  {
    name: "a sparse member, PAX 0.0",
    tar: concat([
      member(
        "x",
        "x",
        record("GNU.sparse.size", "2048") +
          MAP.map(([offset, length]) =>
            record("GNU.sparse.offset", `${offset}`) + record("GNU.sparse.numbytes", `${length}`)
          ).join(""),
      ),
      member("s", "0", B + A),
      END,
    ]),
    want: [SPARSE, B + A],
  },
  {
    name: "a sparse member, PAX 0.1",
    tar: concat([
      member("x", "x", record("GNU.sparse.size", "2048") + record("GNU.sparse.map", MAP.join())),
      member("s", "0", B + A),
      END,
    ]),
    want: [SPARSE, B + A],
  },
  {
    name: "a sparse member, PAX 1.0",
    tar: concat([
      member(
        "x",
        "x",
        record("GNU.sparse.major", "1") + record("GNU.sparse.realsize", "2048"),
      ),
      member("s", "0", `2\n${MAP.flat().join("\n")}\n`.padEnd(512, "\0") + B + A),
      END,
    ]),
    want: [SPARSE, `2\n${MAP.flat().join("\n")}\n`.padEnd(512, "\0") + B + A],
  },
  {
    name: "a sparse member whose map reaches over its size",
    tar: concat([
      member("s", "S", B + A, { ...stretches(386, MAP), 483: "00000003000" }),
      END,
    ]),
    want: [ZEROS + A + ZEROS, B + A],
    reasons: ["malformed"],
  },
  {
    name: "what stands behind the end mark",
    tar: concat([makeTar([{ name: "a", content: encode("first") }]), encode(`behind${B}`)]),
    want: ["first", `behind${B}`],
  },
  {
    name: "what stands between members, and the member behind it",
    tar: concat([member("a", "0", A), encode(B), member("c", "0", "c"), END]),
    want: [A, B, "c"],
    reasons: ["malformed"],
  },
];
for (const { name, tar, want, reasons = [] } of cases) {
  Deno.test(`untar() gives ${name}`, () => {
    const { entries, breaches, notes } = openAll(untar, tar, {});
    assert.deepEqual(entries.map(({ content }) => decode(content)), want);
    assert.deepEqual([...new Set([...breaches, ...notes])], reasons);
  });
}

Deno.test("untar() puts no sparse member together that is larger than it may be", () => {
  const size = (1 << 30).toString(8).padStart(11, "0");
  const tar = concat([member("s", "S", A, { ...stretches(386, [[0, 512]]), 483: size }), END]);
  const { entries, breaches } = openAll(untar, tar, { limits: { ratio: 100 } });
  assert.deepEqual(entries.map(({ content }) => content?.length), [undefined, 512]);
  assert.deepEqual(breaches, ["ratio"]);
});
