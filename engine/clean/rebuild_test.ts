import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { EICAR, octets, TEST_LIMITS, testBudget } from "../message/fixtures/testing.ts";
import { builtinModules } from "../detect/modules.ts";
import { scan } from "../scan.ts";
import { noticeName, withoutEntries } from "./rebuild.ts";
import { type File, gzipOf, tarOf, zipOf } from "./testing/archives.ts";

const BAD = octets(EICAR);
const NOTICE = "Removed.\r\n";
const bad: File = { name: "dir/bad.com", content: BAD };
const good: File = { name: "good.txt", content: octets("good ".repeat(100)) };
const other: File = { name: "other.bin", content: new Uint8Array(2000).map((_, i) => i * 7) };

const sha = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");
const without = (archive: Uint8Array, ...gone: Uint8Array[]) =>
  withoutEntries(archive, new Set(gone.map(sha)), NOTICE, testBudget());

/** Names and contents of the files that the scanner sees, which looks for everything. */
function listing(archive: Uint8Array): [string, string][] {
  const settings = { mode: "file", antivirus: true, antispam: false, limits: TEST_LIMITS } as const;
  const { parts, notScanned } = scan(archive, settings, builtinModules());
  assert.deepEqual(notScanned, []);
  const parents = new Set(parts.map(({ parent }) => parent));
  return parts.filter(({ path }) => path !== "" && !parents.has(path))
    .map(({ names: [name = ""], sha256 }) => [name, sha256]);
}
const row = ({ name, content }: File): [string, string] => [name, sha(content)];
const gone: [string, string] = ["dir/bad.com.removed.txt", sha(octets(NOTICE))];

const rows: { name: string; archive: Uint8Array; want: [string, string][] }[] = [
  { name: "a zip", archive: zipOf([good, bad, other]), want: [row(good), gone, row(other)] },
  {
    name: "a zip with stored members, descriptors and a comment",
    archive: zipOf([{ ...good, as: "stored" }, { ...bad, as: "described" }, {
      ...other,
      as: "described",
    }], "a comment"),
    want: [row(good), gone, row(other)],
  },
  { name: "a tar", archive: tarOf([good, bad, other]), want: [row(good), gone, row(other)] },
  {
    name: "a tar.gz",
    archive: gzipOf(tarOf([bad, other])),
    want: [gone, row(other)],
  },
  {
    name: "a zip in a tar.gz in a zip",
    archive: zipOf([good, {
      name: "in.tgz",
      content: gzipOf(tarOf([other, { name: "in.zip", content: zipOf([bad, good]) }])),
    }]),
    want: [row(good), row(other), gone, row(good)],
  },
  {
    name: "a gzip of it alone inside a zip",
    archive: zipOf([good, { name: "dir/bad.com.gz", content: gzipOf(BAD) }]),
    want: [row(good), ["dir/bad.com.gz.removed.txt", gone[1]]],
  },
];
for (const { name, archive, want } of rows) {
  Deno.test(`withoutEntries() takes an entry out of ${name}`, { permissions: "none" }, () => {
    const made = without(archive, BAD);
    assert.ok(made);
    assert.deepEqual(listing(made), want);
  });
}

const impossible: { name: string; archive: Uint8Array; entries?: Uint8Array[] }[] = [
  { name: "an entry that is not there", archive: zipOf([good]) },
  { name: "one of two entries", archive: zipOf([good, bad]), entries: [BAD, octets("none")] },
  { name: "all of a gzip", archive: gzipOf(BAD) },
  { name: "a zip behind other octets", archive: concat(octets("front"), zipOf([good, bad])) },
  { name: "a zip before other octets", archive: concat(zipOf([good, bad]), octets("behind")) },
  {
    name: "a zip whose headers differ",
    archive: patched(zipOf([good, bad]), "good.txt", "gOOd.txt"),
  },
  {
    name: "a tar with a wrong checksum",
    archive: patched(tarOf([good, bad]), "good.txt", "gOOd.txt"),
  },
  { name: "a tar without end", archive: tarOf([good, bad]).subarray(0, 512 * 4) },
  { name: "two gzips in a row", archive: concat(gzipOf(tarOf([bad])), gzipOf(tarOf([good]))) },
  { name: "text", archive: octets("just text") },
];
for (const { name, archive, entries = [BAD] } of impossible) {
  Deno.test(`withoutEntries() does not rebuild ${name}`, { permissions: "none" }, () => {
    assert.equal(without(archive, ...entries), undefined);
  });
}

function concat(...pieces: Uint8Array[]): Uint8Array {
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}

/** The first place of a text is changed. */
function patched(archive: Uint8Array, from: string, to: string): Uint8Array {
  const text = new TextDecoder("latin1").decode(archive);
  const at = text.indexOf(from);
  const made = archive.slice();
  made.set(octets(to), at);
  return made;
}

Deno.test("withoutEntries() cut anywhere, or with an octet changed, never keeps the entry", () => {
  const archives = [zipOf([good, bad, other]), gzipOf(tarOf([good, bad])), tarOf([bad, other])];
  fc.assert(
    fc.property(
      fc.constantFrom(...archives),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      (archive, seed, flip, cut) => {
        const at = seed % archive.length;
        const changed = cut ? archive.subarray(0, at) : archive.slice();
        if (!cut) changed[at] = changed[at]! ^ flip;
        const made = without(changed, BAD);
        if (made) assert.ok(!listing(made).some(([, hash]) => hash === sha(BAD)));
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("noticeName() gives names that nothing acts on", { permissions: "none" }, () => {
  assert.equal(noticeName("a/b/virus.exe"), "a/b/virus.exe.removed.txt");
  assert.equal(noticeName("..\\..\\etc/passwd"), "etc/passwd.removed.txt");
  assert.equal(noticeName("/abs:\u202egpj.exe"), "abs__gpj.exe.removed.txt");
  assert.equal(noticeName(".."), "entry.removed.txt");
  assert.equal(noticeName("x".repeat(300)).length, 112);
});
