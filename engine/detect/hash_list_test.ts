import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { ContentHashes, HashList } from "./hash_list.ts";
import { parseHashLine, parsePlainLine } from "./sources/hash_source.ts";

const octets = new TextEncoder().encode("some content");
const digest = (algorithm: string) => createHash(algorithm).update(octets).digest("hex");

for (const algorithm of ["md5", "sha1", "sha256"]) {
  Deno.test(`HashList.find() knows content by its ${algorithm} and size`, () => {
    const find = (line: string) => {
      const row = parseHashLine(line);
      if (typeof row === "string") throw new TypeError(row);
      return new HashList([row]).find(new ContentHashes(octets));
    };
    assert.equal(find(`${digest(algorithm)}:12:Known`), "Known");
    assert.equal(find(`${digest(algorithm).toUpperCase()}:*:Known:73`), "Known");
    assert.equal(find(`${digest(algorithm)}:13:Known`), undefined);
    assert.equal(find(`${"0".repeat(digest(algorithm).length)}:12:Known`), undefined);
  });
}

Deno.test("HashList.find() tells rows of one hash and several sizes apart", () => {
  const list = new HashList([
    { name: "A", digest: digest("md5"), size: 11 },
    { name: "B", digest: digest("md5"), size: 12 },
    { name: "C", digest: digest("sha256"), size: 13 },
  ]);
  assert.equal(list.find(new ContentHashes(octets)), "B");
});

for (const count of [0, 1, 2, 9, 3000]) {
  Deno.test(`HashList finds each of ${count}, and nothing else`, () => {
    const content = (i: number) => new TextEncoder().encode(`content ${i}`);
    const list = new HashList(Array.from({ length: count }, (_, i) => ({
      name: `N${i}`,
      digest: createHash("md5").update(content(i)).digest("hex"),
      ...(i % 2 === 0 ? { size: content(i).length } : {}),
    })));
    for (let i = 0; i < count; i++) {
      assert.equal(list.find(new ContentHashes(content(i))), `N${i}`);
    }
    assert.equal(list.find(new ContentHashes(content(count))), undefined);
    assert.equal(list.size, count);
  });
}

Deno.test("HashList finds what a map finds", () => {
  const hex = fc.uint8Array({ minLength: 16, maxLength: 16, max: 1 }).map((d) =>
    Array.from(d, (o) => o.toString(16).padStart(2, "0")).join("")
  );
  fc.assert(fc.property(fc.array(hex, { maxLength: 60 }), (digests) => {
    const list = new HashList(digests.map((d, i) => ({ name: `N${i}`, digest: d, size: i })));
    const unique = new Set(digests.map((d, i) => `${d}:${i}`));
    assert.equal(list.size, unique.size);
  }));
});

const lines: { line: string; want: string | RegExp }[] = [
  { line: `${"a".repeat(64)}  file.exe`, want: "file.exe" },
  { line: `${"A".repeat(32)} *dir/file`, want: "dir/file" },
  { line: "a".repeat(40), want: `Listed.${"a".repeat(40)}` },
  { line: `${"a".repeat(41)} x`, want: /^$/ },
  { line: "no hash", want: /^$/ },
];
for (const { line, want } of lines) {
  Deno.test(`parsePlainLine() of ${line.slice(0, 20)}`, () => {
    const row = parsePlainLine(line);
    if (want instanceof RegExp) assert.match(row as string, /hash/);
    else assert.equal(typeof row === "string" ? row : row.name, want);
  });
}
