/** Every file of the corpus in one run of `postern scan`: no crash, no hang, nothing left out, nothing infected called clean. */
import assert from "node:assert/strict";
import { CORPUS, type CorpusEntry, corpusFiles, hasCorpus, manifest } from "./corpus.ts";
import { run } from "./peers/process.ts";
import { POSTERN } from "./program.ts";
import { temporaryDirectory } from "./temporary.ts";

const STATUSES = ["clean", "infected", "suspicious", "spam", "notScanned"];
/** Longest that the whole run may take, ms. */
const RUN_MS = 600_000;

/**
 * What an infected entry that comes out clean would need: readers and signatures that this version does not have. An entry that
 * needs none of them has to be found, or said to be not scanned.
 */
const NOT_READ: readonly { readonly what: string; needs(entry: CorpusEntry): boolean }[] = [
  { what: "a signature for clam.exe", needs: ({ sig }) => sig !== undefined },
  {
    what: "BinHex as a transfer encoding",
    needs: ({ file }) => /^mime\/mib\/c(?:129|130|157)\.eml$/.test(file),
  },
];

/** A line of `postern scan --format json`. */
interface Line {
  readonly file: string;
  readonly status: string;
  readonly findings: readonly { name: string; part: string; engine: string }[];
  readonly notScanned?: string;
  readonly ms: number;
}

function checkLine(text: string): Line {
  const line = JSON.parse(text);
  assert.equal(typeof line.file, "string", text);
  assert.ok(STATUSES.includes(line.status), text);
  assert.ok(Array.isArray(line.findings), text);
  assert.equal(typeof line.ms, "number", text);
  for (const finding of line.findings) {
    for (const key of ["name", "part", "engine"]) assert.equal(typeof finding[key], "string", text);
  }
  if (line.status === "infected" || line.status === "suspicious") {
    assert.ok(line.findings.length > 0, text);
  }
  if (line.status === "notScanned") assert.equal(typeof line.notScanned, "string", text);
  return line;
}

Deno.test("postern scan reads the whole corpus in one run", async (test) => {
  if (!await hasCorpus()) {
    await test.step({ name: "the corpus is not there", ignore: true, fn: () => {} });
    return;
  }
  await using directory = await temporaryDirectory();
  const files = await corpusFiles();
  const list = `${directory.path}/list`;
  await Deno.writeTextFile(list, files.map((file) => `${file}\n`).join(""));
  const begin = performance.now();
  const { code, stdout, stderr } = await run(POSTERN, [
    "scan",
    "--standalone",
    "--format",
    "json",
    "--files-from",
    list,
  ], { signal: AbortSignal.timeout(RUN_MS) });
  const seconds = Math.round((performance.now() - begin) / 1000);
  const lines = stdout.split("\n").filter((line) => line !== "").map(checkLine);

  await test.step("says one thing of each file, in order", () => {
    assert.equal(code, 2, stderr);
    assert.deepEqual(lines.map(({ file }) => file), files, stderr);
  });

  const entries = new Map<string, CorpusEntry>();
  for (const folder of ["evasion", "files", "mail", "mime", "proto"]) {
    for (const entry of await manifest(folder)) entries.set(`${CORPUS}${entry.file}`, entry);
  }
  const byKind = new Map<string, { all: number; accepted: number; missed: string[] }>();
  for (const { file, status } of lines) {
    const entry = entries.get(file);
    if (!entry?.expect) continue;
    const name = status === "notScanned" ? "notscanned" : status;
    const kind = `${entry.file.split("/")[0]} ${entry.expect}`;
    const row = byKind.get(kind) ?? { all: 0, accepted: 0, missed: [] };
    byKind.set(kind, row);
    row.all++;
    const accepted = entry.expect === name || (entry.also ?? []).includes(name);
    if (accepted) row.accepted++;
    else row.missed.push(`${entry.file} (${entry.kind}): ${status}`);
  }

  await test.step("no scanner crashed or ran out of time", () => {
    const bad = lines.filter(({ notScanned }) =>
      ["crashed", "time", "memory", "poison", "busy"].includes(notScanned ?? "")
    );
    assert.deepEqual(bad.map(({ file, notScanned }) => `${file}: ${notScanned}`), []);
  });

  const unread = new Map<string, number>();
  const missed: string[] = [];
  for (const { file, status } of lines) {
    const entry = entries.get(file);
    if (entry?.expect !== "infected" || status !== "clean") continue;
    if (entry.also?.includes("clean")) continue;
    const reader = NOT_READ.find(({ needs }) => needs(entry));
    if (reader) unread.set(reader.what, (unread.get(reader.what) ?? 0) + 1);
    else missed.push(`${entry.file} (${entry.kind})`);
  }
  await test.step("nothing infected is called clean that needs only what is built", () => {
    assert.deepEqual(missed, []);
  });
  await test.step("no clean mail is called infected", () => {
    const wrong = lines.filter(({ file, status }) => {
      const entry = entries.get(file);
      return entry?.expect === "clean" && status === "infected" &&
        !entry.also?.includes("infected");
    });
    assert.deepEqual(wrong.map(({ file }) => file), []);
  });

  console.log(`${lines.length} files in ${seconds} s`);
  for (const [kind, { all, accepted }] of [...byKind].sort()) {
    console.log(`  ${kind}: ${accepted} of ${all} as expected`);
  }
  for (const [what, count] of unread) console.log(`  infected but clean, needs ${what}: ${count}`);
  if (Deno.env.get("POSTERN_CORPUS_REPORT")) {
    const report = [...byKind.entries()].flatMap(([kind, row]) =>
      row.missed.map((line) => `${kind}: ${line}`)
    );
    await Deno.writeTextFile(Deno.env.get("POSTERN_CORPUS_REPORT") ?? "", `${report.join("\n")}\n`);
  }
});
