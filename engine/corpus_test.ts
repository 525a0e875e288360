/** Every file of the hostile corpus: none crashes, hangs or is wrongly called infected; what is infected does not come out clean. */
import assert from "node:assert/strict";
import { HashList } from "./detect/hash_list.ts";
import { builtinModules, type Modules } from "./detect/modules.ts";
import { scan } from "./scan.ts";
import { loadSevenZip } from "./scanner/sevenzip_file.ts";
import type { Verdict } from "./types.ts";
import { WIDE_LIMITS } from "../tests/scan_settings.ts";

const CORPUS = new URL("../../shared/corpus/", import.meta.url);
const LIMITS = { ...WIDE_LIMITS, octets: 100_000_000 };
/** ClamAV's test program, which part of the corpus holds. */
const TOOLS = { sevenZip: loadSevenZip() };
const MODULES: Modules = {
  ...builtinModules(),
  hashes: [
    new HashList([{
      name: "ClamAV-Test-File",
      digest: "aa15bcf478d165efd2065190eb473bcb",
      size: 544,
    }]),
  ],
};

/** How many files are judged otherwise than the manifest says, at most; docs/engine-limits.md says which and why. */
const DIFFERENCES: Readonly<Record<string, number>> = {
  "clean as notscanned": 29,
  "suspicious as clean": 11,
  "notscanned as clean": 2,
  "suspicious as notscanned": 1,
  "infected as clean": 2,
};

/** Infected by the manifest, but the file in it is 21 octets of text and no zip. */
const NOT_IN_IT: ReadonlySet<string> = new Set(["mime/mib/c129.eml", "mime/mib/c130.eml"]);

interface Row {
  readonly file: string;
  readonly label?: string;
  readonly expect?: string;
  readonly also?: readonly string[];
}

function rows(folder: string): readonly Row[] {
  try {
    const text = Deno.readTextFileSync(new URL(`${folder}/manifest.jsonl`, CORPUS));
    return text.trim().split("\n").map((line): Row => JSON.parse(line));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function outcome({ status, spam }: Verdict): string {
  return status === "clean" && (spam?.score ?? 0) >= 100 ? "spam" : status.toLowerCase();
}

for (const folder of ["files", "evasion", "mime", "mail"]) {
  const all = rows(folder);
  const tally = new Map<string, number>();
  const missed: string[] = [];
  const wrong: string[] = [];
  const disturbed: string[] = [];
  Deno.test({
    name: `scan() of corpus/${folder}`,
    ignore: all.length === 0,
    permissions: { read: true },
    fn() {
      const mode = folder === "files" ? "auto" : "mail";
      for (const { file, expect = "", also = [], label } of all) {
        const octets = Deno.readFileSync(new URL(file, CORPUS));
        const start = performance.now();
        const settings = { mode, antivirus: true, antispam: true, limits: LIMITS } as const;
        const verdict = scan(octets, settings, MODULES, TOOLS);
        const took = performance.now() - start;
        assert.ok(took < LIMITS.timeMs, `${file} took ${took} ms`);
        assert.ok(!verdict.notScanned.includes("crashed"), `${file} crashed an unpacker`);
        const paths = verdict.parts.map(({ path }) => path);
        assert.equal(new Set(paths).size, paths.length, `${file}: paths are unique`);
        const got = outcome(verdict);
        const key = !expect
          ? `unjudged: ${got}`
          : got === expect || also.includes(got)
          ? "accepted"
          : `${expect} as ${got}`;
        tally.set(key, (tally.get(key) ?? 0) + 1);
        if (key === "infected as clean" && !NOT_IN_IT.has(file)) missed.push(file);
        const isGood = label === "ham" || file.startsWith("files/clean/");
        if (isGood && (got === "suspicious" || got === "infected")) disturbed.push(file);
        if (key === "clean as infected" || key === "clean as spam") wrong.push(file);
      }
      console.log(folder, all.length, Object.fromEntries(tally));
      assert.deepEqual(wrong, [], "clean files called infected");
      assert.deepEqual(missed, [], "infected files called clean");
      for (const [key, count] of tally) {
        if (key === "accepted" || key.startsWith("unjudged")) continue;
        assert.ok(count <= (DIFFERENCES[key] ?? 0), `${count} ${key}`);
      }
      assert.deepEqual(disturbed, [], "good files and mails called suspicious");
    },
  });
}
