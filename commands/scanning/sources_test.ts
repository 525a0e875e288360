import assert from "node:assert/strict";
import { join } from "node:path";
import * as fc from "fast-check";
import { sources, splitList } from "./sources.ts";

async function* chunks(octets: Uint8Array, cuts: readonly number[]) {
  let start = 0;
  for (const cut of [...cuts, octets.length]) {
    yield octets.subarray(start, cut);
    start = cut;
  }
}

const lists: { name: string; text: string; byNul: boolean; want: string[] }[] = [
  { name: "lines", text: "a\nb c\n", byNul: false, want: ["a", "b c"] },
  { name: "a last line without its end", text: "a\nb", byNul: false, want: ["a", "b"] },
  { name: "CRLF", text: "a\r\nb\r\n", byNul: false, want: ["a", "b"] },
  { name: "empty lines", text: "\n\na\n\r\n", byNul: false, want: ["a"] },
  { name: "UTF-8", text: "ä\n€\n", byNul: false, want: ["ä", "€"] },
  { name: "NUL", text: "a\nb\0c\r\0", byNul: true, want: ["a\nb", "c\r"] },
];
for (const { name, text, byNul, want } of lists) {
  Deno.test(`splitList() splits ${name}, cut anywhere`, { permissions: "none" }, async () => {
    const octets = new TextEncoder().encode(text);
    for (let cut = 0; cut <= octets.length; cut++) {
      assert.deepEqual(await Array.fromAsync(splitList(chunks(octets, [cut]), byNul)), want);
    }
  });
}

Deno.test("splitList() gives back any names", { permissions: "none" }, async () => {
  const names = fc.array(fc.string({ minLength: 1 }).filter((name) => !name.includes("\0")));
  await fc.assert(fc.asyncProperty(names, fc.nat(), async (given, at) => {
    const octets = new TextEncoder().encode(given.map((name) => name + "\0").join(""));
    const cut = octets.length === 0 ? 0 : at % octets.length;
    assert.deepEqual(await Array.fromAsync(splitList(chunks(octets, [cut]), true)), given);
  }));
});

Deno.test("splitList() refuses an entry that never ends", { permissions: "none" }, async () => {
  const long = new Uint8Array(10_000).fill(0x61);
  await assert.rejects(Array.fromAsync(splitList(chunks(long, []), false)), RangeError);
});

Deno.test("sources() enters directories as asked, in order, without links", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(join(root, "d/e"), { recursive: true });
    for (const name of ["b", "a", "d/c", "d/e/f"]) await Deno.writeTextFile(join(root, name), "");
    await Deno.symlink("/etc/passwd", join(root, "link"));
    const found = async (names: string[], subdir: boolean) =>
      (await Array.fromAsync(sources({ names, subdir, byNul: false })))
        .map(({ file, error }) => file.replace(root, "") + (error === undefined ? "" : " missing"));
    assert.deepEqual(await found([root], false), ["/a", "/b"]);
    assert.deepEqual(await found([root], true), ["/a", "/b", "/d/c", "/d/e/f"]);
    assert.deepEqual(await found([join(root, "b"), join(root, "none"), "-"], false), [
      "/b",
      "/none missing",
      "-",
    ]);
    await Deno.writeTextFile(join(root, "list"), `${root}/d\n${root}/a\n`);
    const listed = await Array.fromAsync(
      sources({ names: [], filesFrom: join(root, "list"), subdir: false, byNul: false }),
    );
    assert.deepEqual(listed.map(({ file }) => file.replace(root, "")), ["/d/c", "/a"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
