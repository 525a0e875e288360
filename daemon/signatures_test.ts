import assert from "node:assert/strict";
import { join } from "node:path";
import { cLibrary } from "../engine/scanner/landlock.ts";
import { ScannerPool } from "./pool.ts";
import { buildSignatures } from "./signature_build.ts";
import { readModuleFiles, readSignatureSet } from "./signatures.ts";
import { virusScan } from "../tests/scan_settings.ts";

const SETTINGS = virusScan("file");
const encode = (text: string) => new TextEncoder().encode(text);
const hex = (text: string) =>
  Array.from(encode(text), (octet) => octet.toString(16).padStart(2, "0")).join("");

/** A directory for modules, one for sources. Scanners, which run as another user, can read both. */
async function withDirectories(run: (modules: string, sources: string) => Promise<void>) {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.chmod(directory, 0o755);
    const sources = join(directory, "sources");
    await Deno.mkdir(sources);
    await run(join(directory, "modules"), sources);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function write(sources: string, name: string, text: string): Promise<void> {
  await Deno.writeTextFile(join(sources, `${name}.ndb`), `${name}:0:*:${hex(text)}\n`);
}

Deno.test("Scanners load the modules they are started with, and keep them when the directory is switched", async () => {
  await withDirectories(async (modules, sources) => {
    await write(sources, "Old", "an old signature");
    const { set } = await buildSignatures([sources], modules);
    const pool = await ScannerPool.start({ processes: 1, signatures: set });
    try {
      const names = async (text: string) => {
        const { findings, signaturesAge } = await pool.scan(encode(text), SETTINGS);
        assert.ok(signaturesAge !== undefined && signaturesAge >= 0 && signaturesAge < 600_000);
        return findings.map(({ name }) => name);
      };
      assert.deepEqual(await names("this has an old signature in it"), ["Old"]);
      await Deno.remove(join(sources, "Old.ndb"));
      await write(sources, "New", "a new signature");
      const { set: next } = await buildSignatures([sources], modules);
      assert.notEqual(next.id, set.id);
      assert.deepEqual(await names("an old signature, a new signature"), ["Old"]);
      const files = Array.from(Deno.readDirSync(modules), ({ name }) => name);
      assert.equal(files.filter((name) => name.endsWith(".module")).length, 2);
      const later = await ScannerPool.start({ processes: 1, signatures: next });
      try {
        const verdict = await later.scan(encode("an old signature, a new signature"), SETTINGS);
        assert.deepEqual(verdict.findings.map(({ name }) => name), ["New"]);
      } finally {
        await later.close();
      }
    } finally {
      await pool.close();
    }
  });
});

Deno.test({
  name: "Scanners have the modules in memory in common, and no permission left to look at it",
  ignore: cLibrary() === undefined,
  async fn() {
    await withDirectories(async (modules, sources) => {
      await write(sources, "A", "a signature");
      const { set } = await buildSignatures([sources], modules);
      const reports: string[] = [];
      const pool = await ScannerPool.start({
        processes: 1,
        signatures: set,
        report: (_, message, fields) => reports.push(`${message} ${fields["kept"] ?? ""}`),
      });
      try {
        const [scanner] = pool.status().processes;
        const maps = await Deno.readTextFile(`/proc/${scanner?.pid}/maps`);
        for (const { file } of set.manifest.modules) {
          assert.ok(
            maps.split("\n").some((line) => /r--s/.test(line) && line.endsWith(file)),
            maps,
          );
        }
        assert.deepEqual(reports.filter((line) => /\bffi\b/.test(line)), []);
        const { findings } = await pool.scan(encode("this is a signature"), SETTINGS);
        assert.deepEqual(findings.map(({ name }) => name), ["A"]);
      } finally {
        await pool.close();
      }
    });
  },
});

Deno.test("A damaged module is refused by whoever reads it, and no scanner starts with it", async () => {
  await withDirectories(async (modules, sources) => {
    await write(sources, "A", "a signature");
    const { set } = await buildSignatures([sources], modules);
    const path = join(modules, set.manifest.modules[0]?.file ?? "");
    const octets = await Deno.readFile(path);
    octets[octets.length - 1] = (octets.at(-1) ?? 0) ^ 1;
    await Deno.writeFile(path, octets);
    await assert.rejects(readModuleFiles(set), { code: "module/damaged" });
    await assert.rejects(ScannerPool.start({ processes: 1, signatures: set }), {
      code: "scan/failed",
      message: /its hash is wrong/,
    });
  });
});

Deno.test("readSignatureSet() knows directories without modules, and refuses a manifest that is none", async () => {
  await withDirectories(async (modules, sources) => {
    assert.equal(await readSignatureSet(modules), undefined);
    assert.equal(await readSignatureSet(sources), undefined);
    for (
      const text of [
        "",
        "{}",
        '{"format":2}',
        '{"format":1,"built":1,"date":1,"modules":[{"file":"../x"}],"before":[]}',
      ]
    ) {
      await Deno.writeTextFile(join(sources, "modules.json"), text);
      await assert.rejects(readSignatureSet(sources), { code: "module/damaged" });
    }
  });
});

Deno.test("buildSignatures() makes nothing of sources without a signature, and says which it cannot read", async () => {
  await withDirectories(async (modules, sources) => {
    await Deno.writeTextFile(join(sources, "a.ndb"), "# none\nA:0:*:zz\n");
    await assert.rejects(buildSignatures([sources], modules), { code: "module/source" });
    await Deno.writeTextFile(join(sources, "b.cvd"), "no database");
    await assert.rejects(buildSignatures([sources], modules), {
      code: "module/source",
      message: /b\.cvd: it does not begin as one/,
    });
  });
});
