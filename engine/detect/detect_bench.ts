/**
 * What signatures cost: `deno bench -A engine/detect/detect_bench.ts`. Prints MB/s of whole scans of clean data, of which the search
 * for patterns is a part, and what a million hashes take to load and to keep.
 */
import { scan } from "../scan.ts";
import { ModuleBuild } from "./module_build.ts";
import { builtinModules, type Modules, openModules } from "./modules.ts";

const OCTETS = 8 << 20;
const BUDGET_MS = 250;
const encoder = new TextEncoder();

/** The same numbers in each run: mulberry32. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed;;) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    yield (mixed ^ (mixed >>> 14)) >>> 0;
  }
}

function random(octets: number, seed: number): Uint8Array<ArrayBuffer> {
  const source = numbers(seed);
  return Uint8Array.from({ length: octets }, () => source.next().value);
}

/** What people write: the repository's own documents. */
function prose(octets: number): Uint8Array {
  const directory = new URL("../../docs/", import.meta.url);
  let text = Deno.readTextFileSync(new URL("../README.md", directory));
  for (const { name } of Deno.readDirSync(directory)) {
    if (name.endsWith(".md")) text += Deno.readTextFileSync(new URL(name, directory));
  }
  return encoder.encode(text.repeat(Math.ceil(octets / text.length)).slice(0, octets));
}

function hex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
}

const SYLLABLES = "ba ce di fo gu ha ke li mo nu pa re si to vu wa xe zi eval( var .exe http".split(
  " ",
);

/** Half program-like, half text-like; one in seven with a wildcard. */
function pattern(index: number, source: Generator<number, never>): string {
  const next = (below: number) => source.next().value % below;
  let body = "";
  if (index % 2 === 0) body = hex(Uint8Array.from({ length: 16 + next(44) }, () => next(256)));
  else {
    let text = "";
    while (text.length < 16) text += (SYLLABLES[next(SYLLABLES.length)] ?? "") + next(100);
    body = hex(encoder.encode(text));
  }
  if (index % 7 !== 0) return body;
  const middle = body.length >> 2 << 1;
  return `${body.slice(0, middle)}${["??", "*", "{1-10}"][next(3)]}${body.slice(middle)}`;
}

const TARGETS = [0, 0, 0, 1, 1, 1, 1, 3, 7, 4];

function patternModules(count: number): Modules {
  if (count === 0) return builtinModules();
  const source = numbers(count);
  const lines = Array.from(
    { length: count },
    (_, i) => `Bench.Pattern-${i}:${TARGETS[i % TARGETS.length]}:*:${pattern(i, source)}\n`,
  );
  const build = new ModuleBuild();
  build.add("bench.ndb", encoder.encode(lines.join("")));
  return openModules(build.finish(0).map(({ octets }) => octets));
}

/** Best of several runs, ms. */
function best(run: () => void): number {
  run();
  let least = Infinity;
  for (const end = performance.now() + BUDGET_MS; performance.now() < end;) {
    const start = performance.now();
    run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

const SETTINGS = {
  mode: "file",
  antivirus: true,
  antispam: false,
  limits: { messageOctets: 5e7, depth: 10, files: 1e4, octets: 3e8, ratio: 250, timeMs: 60_000 },
} as const;

/** Each measures by itself, and once is enough. */
const done = new Set<string>();
function once(name: string, run: () => void): void {
  Deno.bench({ name, n: 1, warmup: 0 }, () => {
    if (done.has(name)) return;
    done.add(name);
    run();
  });
}

once("scan clean data with patterns", () => {
  const contents = { text: prose(OCTETS), "random octets": random(OCTETS, 1) };
  console.log("\npatterns   content         scan MB/s   search alone MB/s");
  for (const count of [0, 1000, 10_000, 100_000]) {
    const modules = patternModules(count);
    for (const [name, octets] of Object.entries(contents)) {
      const speed = (ms: number) => (OCTETS / 1000 / ms).toFixed(0);
      const whole = speed(best(() => scan(octets, SETTINGS, modules)));
      const search = speed(best(() => {
        for (const set of modules.patterns) set.search(octets, name === "text" ? name : "binary");
      }));
      console.log(
        `${String(count).padStart(8)}   ${name.padEnd(14)} ${whole.padStart(10)} ${
          search.padStart(19)
        }`,
      );
    }
  }
});

once("load a million hashes", () => {
  const COUNT = 1_000_000;
  const digests = random(COUNT * 16, 2);
  const build = new ModuleBuild();
  const sizes = numbers(3);
  for (let from = 0; from < COUNT; from += 100_000) {
    let lines = "";
    for (let i = from; i < from + 100_000; i++) {
      const size = 2000 + sizes.next().value % 3_000_000;
      lines += `${hex(digests.subarray(i * 16, i * 16 + 16))}:${size}:Bench.Hash-${i}\n`;
    }
    build.add("bench.hdb", encoder.encode(lines));
  }
  const [module] = build.finish(0);
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(path, module?.octets ?? new Uint8Array());
    const ms = best(() => void openModules([Deno.readFileSync(path)]));
    const size = ((module?.octets.length ?? 0) / 1e6).toFixed(1);
    console.log(`\n1,000,000 MD5 hashes: ${size} MB, read and opened in ${ms.toFixed(0)} ms`);
  } finally {
    Deno.removeSync(path);
  }
});
