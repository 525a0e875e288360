/**
 * ClamAV's test files (Debian: clamav-testfiles), each of which holds the same small program in another container: its hash, as an
 * .hdb, has to be found in each, or its code, as an .ndb, where it lies within another program that is packed at run time.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ModuleBuild } from "./detect/module_build.ts";
import { type Modules, openModules } from "./detect/modules.ts";
import { scan } from "./scan.ts";
import type { Verdict } from "./types.ts";
import { loadSevenZip } from "./scanner/sevenzip_file.ts";
import { virusScan } from "../tests/scan_settings.ts";

/** Where the files may be. */
const DIRECTORIES = [
  new URL("../../shared/corpus/files/clam/", import.meta.url),
  new URL("file:///usr/share/clamav-testfiles/"),
];

const SETTINGS = virusScan("auto");

/** What is not opened, and what it would take. */
const NOT_OPENED: Readonly<Record<string, string>> = {
  "clam_cache_emax.tgz": "more nesting than the limit: not scanned, and said so",
};

function filesOf(directory: URL): readonly string[] {
  try {
    return Array.from(Deno.readDirSync(directory))
      .filter(({ isFile, name }) => isFile && name.startsWith("clam"))
      .map(({ name }) => name)
      .sort();
  } catch {
    return [];
  }
}

function modulesOf(program: Uint8Array): Modules {
  const build = new ModuleBuild();
  const md5 = createHash("md5").update(program).digest("hex");
  const line = `${md5}:${program.length}:ClamAV-Test-File\n`;
  const [report] = build.add("clam.hdb", new TextEncoder().encode(line));
  assert.equal(report?.used, 1);
  const code = Array.from(
    program.subarray(0x40, 0x70),
    (octet) => octet.toString(16).padStart(2, "0"),
  );
  const pattern = `ClamAV-Test-File:1:*:${code.join("")}\n`;
  const [patterns] = build.add("clam.ndb", new TextEncoder().encode(pattern));
  assert.equal(patterns?.used, 1);
  return openModules(build.finish(0).map(({ octets }) => octets));
}

for (const directory of DIRECTORIES) {
  const files = filesOf(directory);
  Deno.test({
    name: `Every container in ${directory.pathname.split("/").at(-2)} yields the program in it`,
    ignore: !files.includes("clam.exe"),
    fn() {
      const read = (name: string) => Deno.readFileSync(new URL(name, directory));
      const modules = modulesOf(read("clam.exe"));
      const tools = { sevenZip: loadSevenZip() };
      const missed: Record<string, Verdict["notScanned"] | string> = {};
      for (const name of files) {
        const verdict = scan(read(name), SETTINGS, modules, tools);
        if (verdict.findings.some((finding) => finding.name === "ClamAV-Test-File")) continue;
        missed[name] = verdict.status === "notScanned" ? verdict.notScanned : verdict.status;
      }
      assert.deepEqual(
        Object.fromEntries(Object.entries(missed).filter(([name]) => !(name in NOT_OPENED))),
        {},
      );
    },
  });
}
