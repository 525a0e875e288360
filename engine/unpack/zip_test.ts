/** Zips whose headers stand where another reader does not look for them. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { findEmbedded } from "./embedded.ts";
import { makeZip } from "./fixtures.ts";
import { concat } from "./octets.ts";
import { openAll } from "./testing/open.ts";
import { unzip } from "./zip.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const B = { name: "b.txt", content: encode("the second one"), method: 0 } as const;

function u16le(value: number): Uint8Array {
  return Uint8Array.of(value & 255, value >> 8);
}

/** A stored block of deflate. */
function block(octets: Uint8Array, isLast: boolean): Uint8Array {
  const { length } = octets;
  return concat([Uint8Array.of(isLast ? 1 : 0), u16le(length), u16le(length ^ 0xffff), octets]);
}

/** The local header and data of a member that holds the octets, deflated in these stored blocks. */
function carrier(pieces: readonly Uint8Array[]): Uint8Array {
  const packed = concat(pieces.map((piece, i) => block(piece, i === pieces.length - 1)));
  const zip = Buffer.from(makeZip([{ name: "a.txt", content: packed, method: 0 }]));
  zip.writeUInt16LE(8, 8);
  return zip.subarray(0, 35 + packed.length);
}

/** A zip of B whose offsets count from octets in front of it, in three pieces: local header, data and central header, end record. */
function shifted(by: number, extra: number): readonly Uint8Array[] {
  const zip = Buffer.from(makeZip([B]));
  const local = 30 + B.name.length;
  const end = zip.length - 22;
  zip.writeUInt16LE(extra, 28);
  zip.writeUInt32LE(by, local + B.content.length + 42);
  zip.writeUInt32LE(zip.readUInt32LE(end + 16) + by, end + 16);
  return [zip.subarray(0, local), zip.subarray(local, end), zip.subarray(end)];
}

const texts = (zip: Uint8Array) =>
  openAll(unzip, zip).entries.map(({ content }) => new TextDecoder().decode(content));

// the header between two blocks is an extra field of the member for who reads the outer octets, and not there for who unpacks
Deno.test("unzip() gives a member in another one's data that the end record outside points at", () => {
  const [head, data, end] = shifted(40, 5) as [Uint8Array, Uint8Array, Uint8Array];
  assert.ok(texts(concat([carrier([head, data]), end])).includes("the second one"));
});

Deno.test("unzip() gives a member in another one's packed data that unpack to something else", () => {
  const [head, data, end] = shifted(40, 5) as [Uint8Array, Uint8Array, Uint8Array];
  assert.ok(texts(carrier([head, concat([data, end])])).includes("the second one"));
});

Deno.test("findEmbedded() takes a local header as its directory does, whatever stands in it", () => {
  const zip = Buffer.from(makeZip([B]));
  zip.writeUInt16LE(255, 4);
  zip.writeUInt16LE(0xffff, 8);
  const octets = concat([encode("some text"), zip]);
  assert.deepEqual(findEmbedded(octets, true), [{ type: "zip", offset: 9 }]);
  assert.deepEqual(findEmbedded(octets.subarray(0, 50), true), []);
});

Deno.test("findEmbedded() goes over its octets once, however many local headers there are", () => {
  const start = performance.now();
  findEmbedded(Buffer.from("PK\x03\x04".repeat(1 << 21), "latin1"), false);
  assert.ok(performance.now() - start < 5000);
});
