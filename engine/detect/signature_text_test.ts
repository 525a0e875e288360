import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ContentHashes, HashList } from "./hash_list.ts";
import { findingName, readHashText, readPatternText } from "./signature_text.ts";

const octets = new TextEncoder().encode("some content");
const digest = (algorithm: string) => createHash(algorithm).update(octets).digest("hex");

for (const algorithm of ["md5", "sha1", "sha256"]) {
  Deno.test(`HashList.find() knows content by its ${algorithm} and size`, () => {
    const find = (line: string) =>
      new HashList(readHashText(line).rows).find(new ContentHashes(octets));
    assert.equal(find(`${digest(algorithm)}:12:Known`), "Known");
    assert.equal(find(`${digest(algorithm)}:*:Known:73`), "Known");
    assert.equal(find(`${digest(algorithm)}:13:Known`), undefined);
    assert.equal(find(`${"0".repeat(digest(algorithm).length)}:12:Known`), undefined);
  });
}

Deno.test("HashList finds each of many", () => {
  const contents = Array.from({ length: 3000 }, (_, i) => new TextEncoder().encode(`content ${i}`));
  const list = new HashList(contents.map((content, i) => ({
    name: `N${i}`,
    digest: createHash("md5").update(content).digest("hex"),
    size: content.length,
  })));
  for (const [i, content] of contents.entries()) {
    assert.equal(list.find(new ContentHashes(content)), `N${i}`);
  }
});

Deno.test("readHashText() says which lines it does not use", () => {
  const { rows, unused } = readHashText(
    "# comment\n\nzz:1:A\n" + "a".repeat(32) + ":x:B\n" + "a".repeat(32) + ":5:C\n",
  );
  assert.deepEqual(rows.map((row) => row.name), ["C"]);
  assert.deepEqual(unused.map(({ line }) => line), [3, 4]);
});

const lines: { line: string; want: "used" | RegExp }[] = [
  { line: "Name:0:*:6162636465666768", want: "used" },
  { line: "Name:1:0:6162636465666768", want: "used" },
  { line: "Name:0:EOF-20,5:6162636465666768:51:255", want: "used" },
  { line: "Name:0:EP+0:6162636465666768", want: /offset/ },
  { line: "Name:0:S1+0:6162636465666768", want: /offset/ },
  { line: "Name:99:*:6162636465666768", want: /target/ },
  { line: "Name:0:*:61626x", want: /pattern/ },
];
for (const { line, want } of lines) {
  Deno.test(`readPatternText() of ${line}`, () => {
    const { rows, unused } = readPatternText(line);
    if (want === "used") assert.deepEqual([rows.length, unused.length], [1, 0]);
    else assert.match(unused[0]?.why ?? "", want);
  });
}

Deno.test("findingName() is printable ASCII of at most 200 characters", () => {
  assert.equal(findingName("a\r\nb\u0000\u202eü"), "a??b???");
  assert.equal(findingName("x".repeat(300)).length, 200);
});
