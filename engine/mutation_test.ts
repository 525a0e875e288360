/**
 * Every file of the hostile corpus, damaged in ways that can be repeated: no scan throws, fails inside, or runs over its time.
 * Tests take a sample; `MUTATIONS=200` says how many of each file are wanted instead, and `SHARD=3/8` that of the files only
 * those of the third of eight shards are.
 */
import assert from "node:assert/strict";
import { builtinModules } from "./detect/modules.ts";
import { scan } from "./scan.ts";
import type { ScanLimits } from "./types.ts";
import { loadSevenZip } from "./scanner/sevenzip_file.ts";

const CORPUS = new URL("../../shared/corpus/", import.meta.url);
const LIMITS: ScanLimits = {
  messageOctets: 10_000_000,
  depth: 8,
  files: 1000,
  octets: 10_000_000,
  ratio: 250,
  timeMs: 2_000,
};
/** What a scan may take beyond its limit, ms: tests share their processors. */
const GRACE_MS = 8_000;
/** Larger files are left out: their time goes into searching. */
const MAX_OCTETS = 300_000;
/** Without MUTATIONS: every so many files, one damage each. */
const SAMPLE = 6;

/** mulberry32: a number below `most`, the same ones for the same seed. */
function random(seed: number): (most: number) => number {
  let state = seed;
  return (most) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % Math.max(1, most);
  };
}

/** One to eight damages: octets changed, left out, put in, repeated, the end cut off, numbers made huge. */
function damaged(octets: Uint8Array, next: (most: number) => number): Uint8Array {
  let result = octets.slice();
  for (let count = 1 + next(8); count > 0 && result.length > 0; count--) {
    const at = next(4) === 0 ? next(Math.min(result.length, 64)) : next(result.length);
    const length = 1 + next(16);
    const before = result.subarray(0, at);
    switch (next(7)) {
      case 0:
        result[at] = next(256);
        break;
      case 1:
        result[at] = (result[at] ?? 0) ^ (1 << next(8));
        break;
      case 2:
        result.fill(next(2) * 255, at, at + 1 + next(8));
        break;
      case 3:
        result = Uint8Array.from([...before, ...result.subarray(at + length)]);
        break;
      case 4: {
        const more = Array.from({ length }, () => next(256));
        result = Uint8Array.from([...before, ...more, ...result.subarray(at)]);
        break;
      }
      case 5:
        result.set(result.slice(at, at + length), next(Math.max(1, result.length - length)));
        break;
      default:
        if (next(4) === 0) result = result.slice(0, at);
    }
  }
  return result;
}

function files(): readonly string[] {
  return ["files", "evasion", "mime"].flatMap((folder) => {
    try {
      const text = Deno.readTextFileSync(new URL(`${folder}/manifest.jsonl`, CORPUS));
      return text.trim().split("\n").map((line): { file: string } => JSON.parse(line))
        .map(({ file }) => file);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  });
}

const wanted = Number(Deno.env.get("MUTATIONS") ?? 0);
const [shard = 1, shards = 1] = (Deno.env.get("SHARD") ?? "1/1").split("/").map(Number);
const all = files();
Deno.test({
  name: "scan() of damaged files of the corpus ends in time and without a failure",
  ignore: all.length === 0,
  fn() {
    const modules = builtinModules();
    const tools = { sevenZip: loadSevenZip() };
    const failures: string[] = [];
    for (const [index, file] of all.entries()) {
      if (index % shards !== shard - 1 || (wanted === 0 && index % SAMPLE !== 0)) continue;
      const octets = Deno.readFileSync(new URL(file, CORPUS));
      if (octets.length > MAX_OCTETS) continue;
      for (let round = 0; round < Math.max(1, wanted); round++) {
        const input = damaged(octets, random(index * 1000 + round));
        const start = performance.now();
        const settings = { mode: "auto", antivirus: true, antispam: true, limits: LIMITS } as const;
        try {
          const { notScanned } = scan(input, settings, modules, tools);
          if (notScanned.includes("crashed")) failures.push(`${file} ${round}: crashed`);
        } catch (error) {
          failures.push(`${file} ${round}: ${error}`);
        }
        const took = performance.now() - start;
        if (took > LIMITS.timeMs + GRACE_MS) failures.push(`${file} ${round}: ${took} ms`);
      }
      if (wanted > 0) console.log(`${file}: ${wanted} damages, ${failures.length} failures so far`);
    }
    assert.deepEqual(failures, []);
  },
});
