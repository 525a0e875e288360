import assert from "node:assert/strict";
import { FakePorts } from "../smtp/testing/fake_ports.ts";
import { Reservation } from "../session_books.ts";
import { findPlace, isBelow, readFile, realDirectories, walk } from "./files.ts";

/** A directory with `in/`, which is served, and `out/`, which is not. */
async function tree(): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.realPath(await Deno.makeTempDir());
  await Deno.mkdir(`${path}/in/sub`, { recursive: true });
  await Deno.mkdir(`${path}/out`);
  await Deno.mkdir(`${path}/in-not`);
  await Deno.writeTextFile(`${path}/in/a`, "a");
  await Deno.writeTextFile(`${path}/in/sub/b`, "b");
  await Deno.writeTextFile(`${path}/out/secret`, "secret");
  await Deno.writeTextFile(`${path}/in-not/secret`, "secret");
  await Deno.symlink(`${path}/out/secret`, `${path}/in/link-out`);
  await Deno.symlink(`${path}/out`, `${path}/in/dir-out`);
  await Deno.symlink(`${path}/in/sub/b`, `${path}/in/link-in`);
  await Deno.symlink(`${path}/in`, `${path}/way-in`);
  await Deno.symlink(`${path}/in/loop`, `${path}/in/loop`);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

const ACCESS = { name: "PathRefusal", message: "Access denied." };
const MISSING = {
  name: "PathRefusal",
  message: "File path check failure: No such file or directory.",
};

const PATHS: readonly [path: string, want: "file" | "directory" | object][] = [
  ["/in/a", "file"],
  ["/in", "directory"],
  ["/in/", "directory"],
  ["/in/sub/../a", "file"],
  ["/in/link-in", "file"],
  ["/in/none", MISSING],
  ["/in/a/b", ACCESS],
  ["/out/secret", ACCESS],
  ["/out/none", ACCESS],
  ["/in/../out/secret", ACCESS],
  ["/in/../out/none", ACCESS],
  ["/in/link-out", ACCESS],
  ["/in/dir-out/secret", ACCESS],
  ["/in/loop", ACCESS],
  ["/in-not/secret", ACCESS],
  ["/in/a\0/../../out/secret", ACCESS],
  [`/in/${"x".repeat(5000)}`, ACCESS],
];

Deno.test("attack 60: only what lies below the directories is found, however it is named", async (test) => {
  await using root = await tree();
  const directories = await realDirectories([`${root.path}/in`, `${root.path}/not-there`]);
  for (const [path, want] of PATHS) {
    await test.step(path.slice(0, 50), async () => {
      const found = findPlace(root.path + path, directories);
      if (typeof want === "string") assert.equal((await found).kind, want);
      else await assert.rejects(found, want);
    });
  }
  await test.step("a path that does not begin at the root", async () => {
    await assert.rejects(findPlace("in/a", directories), MISSING);
    await assert.rejects(findPlace("", directories), MISSING);
  });
});

Deno.test("a directory may be named by a link to it", async () => {
  await using root = await tree();
  const directories = await realDirectories([`${root.path}/way-in/`]);
  for (const path of ["/way-in/a", "/in/a"]) {
    assert.equal((await findPlace(root.path + path, directories)).real, `${root.path}/in/a`);
  }
});

Deno.test("attack 60: a link that is put into a file's place after the check is not followed", async () => {
  await using root = await tree();
  const directories = await realDirectories([`${root.path}/in`]);
  const held = new Reservation(new FakePorts());
  const place = await findPlace(`${root.path}/in/sub/b`, directories);
  assert.deepEqual(await readFile(place, directories, 10, held), new Uint8Array([98]));
  await Deno.remove(`${root.path}/in/sub/b`);
  await Deno.symlink(`${root.path}/out/secret`, `${root.path}/in/sub/b`);
  await assert.rejects(readFile(place, directories, 10, held), ACCESS);
  // The same with a directory on the way.
  await Deno.remove(`${root.path}/in/sub`, { recursive: true });
  await Deno.symlink(`${root.path}/out`, `${root.path}/in/sub`);
  await Deno.writeTextFile(`${root.path}/out/b`, "outside");
  await assert.rejects(readFile(place, directories, 10, held), ACCESS);
});

Deno.test("a file is read up to the limit, and its octets are accounted for", async () => {
  await using root = await tree();
  const directories = await realDirectories([`${root.path}/in`]);
  const path = `${root.path}/in/big`;
  await Deno.writeFile(path, new Uint8Array(1000));
  const place = await findPlace(path, directories);
  const ports = new FakePorts();
  const held = new Reservation(ports);
  assert.equal((await readFile(place, directories, 1000, held))?.length, 1000);
  assert.ok(ports.held >= 1000);
  held.release();
  assert.equal(await readFile(place, directories, 999, held), undefined);
  ports.room = 500;
  await assert.rejects(readFile(place, directories, 1000, held), { code: "scan/busy" });
  assert.equal(ports.held, 0);
});

async function walked(root: string, limits = { files: 100, depth: 5 }): Promise<string[]> {
  const directories = await realDirectories([root]);
  const seen: string[] = [];
  for await (const each of walk(root, await findPlace(root, directories), limits)) {
    seen.push("refused" in each ? `${each.path}: ${each.refused}` : each.path);
  }
  return seen.map((each) => each.replace(root, ""));
}

Deno.test("walk() names files in order, follows no link and keeps its limits", async () => {
  await using root = await tree();
  const path = `${root.path}/in`;
  assert.deepEqual(await walked(path), ["/a", "/sub/b"]);
  await Deno.mkdir(`${path}/sub/deep`);
  await Deno.writeTextFile(`${path}/sub/deep/c`, "c");
  assert.deepEqual(await walked(path, { files: 9, depth: 1 }), [
    "/a",
    "/sub/b",
    "/sub/deep: Not scanned: depth",
  ]);
  assert.deepEqual(await walked(path, { files: 1, depth: 9 }), [
    "/a",
    "/sub/b: Not scanned: files",
  ]);
});

Deno.test("isBelow() parts names at slashes", { permissions: "none" }, () => {
  assert.ok(isBelow("/a", ["/a"]) && isBelow("/a/b", ["/a"]) && isBelow("/x", ["/"]));
  assert.ok(!isBelow("/ab", ["/a"]) && !isBelow("/", ["/a"]) && !isBelow("/a", []));
});
