import assert from "node:assert/strict";
import { cLibrary } from "./landlock.ts";
import { loadedOctets, mapFile } from "./mapped_file.ts";
import { loadModules } from "./module_files.ts";

const LIBRARY = cLibrary() ?? "";

async function withFile(octets: Uint8Array, use: (path: string) => void | Promise<void>) {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${directory}/a.module`, octets);
    await use(`${directory}/a.module`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test({
  name: "mapFile() maps a file that stays what it is when its name goes to another, or is gone",
  ignore: LIBRARY === "",
  async fn() {
    const old = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7);
    await withFile(old, async (path) => {
      const mapped = mapFile(LIBRARY, path, old.length);
      assert.ok(mapped);
      const octets = loadedOctets(mapped);
      assert.equal(octets.length, old.length);
      assert.equal(octets.byteOffset % 8, 0);
      assert.match(Deno.readTextFileSync("/proc/self/maps"), /r--s .*\/a\.module$/m);
      await Deno.writeTextFile(`${path}.next`, "another");
      await Deno.rename(`${path}.next`, path);
      assert.deepEqual(octets, old);
      await Deno.remove(path);
      assert.deepEqual(octets, old);
    });
  },
});

Deno.test("mapFile() is no error where it cannot be done", async () => {
  await withFile(Uint8Array.of(1, 2, 3), (path) => {
    assert.equal(mapFile("", path, 3), undefined);
    assert.equal(mapFile("/no/such/library.so", path, 3), undefined);
    assert.equal(mapFile(LIBRARY, `${path}.not`, 3), undefined);
    assert.equal(mapFile(LIBRARY, path, 0), undefined);
  });
});

Deno.test("loadModules() maps modules, or reads them, and refuses those of another size", async () => {
  await withFile(Uint8Array.of(1, 2, 3), (path) => {
    const files = (octets: number) => JSON.stringify({ files: [{ path, octets }], yara: false });
    for (const library of new Set([LIBRARY, ""])) {
      const [module] = loadModules(files(3), library).modules;
      assert.ok(module);
      assert.equal(module instanceof Uint8Array, library === "");
      assert.deepEqual([...loadedOctets(module)], [1, 2, 3]);
      for (const octets of [0, 2, 4]) {
        assert.throws(() => loadModules(files(octets), library), { code: "module/damaged" });
      }
    }
    const missing = files(3).replace("a.module", "b.module");
    assert.throws(() => loadModules(missing, LIBRARY), { code: "module/damaged" });
  });
});
