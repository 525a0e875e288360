/** Logical signatures find what ClamAV's own scanner finds with the same database in the same files. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type File, tarOf, zipOf } from "../engine/clean/testing/archives.ts";
import { ModuleBuild } from "../engine/detect/module_build.ts";
import { type Modules, openModules } from "../engine/detect/modules.ts";
import { scan } from "../engine/scan.ts";
import { mail } from "./mail.ts";
import { peer, peerTest } from "./peers/peer.ts";
import { run } from "./peers/process.ts";
import { temporaryDirectory } from "./temporary.ts";
import { virusScan } from "./scan_settings.ts";

const SETTINGS = virusScan("auto");

const hex = (text: string) => Buffer.from(text, "latin1").toString("hex");
const octets = (text: string) => Buffer.from(text, "latin1");

/** What clamscan finds: names by file. */
async function clamscan(
  database: string,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<Map<string, Set<string>>> {
  await using directory = await temporaryDirectory();
  await Deno.writeTextFile(`${directory.path}/test.ldb`, database);
  await Deno.mkdir(`${directory.path}/in`);
  for (const [name, content] of files) {
    await Deno.writeFile(`${directory.path}/in/${name}`, content);
  }
  const { stdout, stderr } = await run(await peer("clamscan"), [
    "--allmatch",
    "--no-summary",
    `--database=${directory.path}/test.ldb`,
    "--recursive",
    `${directory.path}/in`,
  ]);
  assert.equal(stderr, "", "clamscan takes the database");
  const found = new Map<string, Set<string>>();
  for (const line of stdout.split("\n")) {
    const [, file = "", name = ""] = /\/in\/([^/]+): (\S+)\.UNOFFICIAL FOUND$/.exec(line) ?? [];
    if (name !== "") found.set(file, (found.get(file) ?? new Set()).add(name));
  }
  return found;
}

function modulesOf(database: string): Modules {
  const build = new ModuleBuild();
  const [report] = build.add("test.ldb", Buffer.from(database, "latin1"));
  assert.deepEqual(report?.unused, []);
  return openModules(build.finish(1_700_000_000_000).map(({ octets }) => octets));
}

/** Compares, and tells every difference with the line of the database. */
async function compare(lines: readonly string[], files: ReadonlyMap<string, Uint8Array>) {
  const database = `${lines.join("\n")}\n`;
  const theirs = await clamscan(database, files);
  const modules = modulesOf(database);
  const wrong: string[] = [];
  let hits = 0;
  for (const [file, content] of files) {
    const ours = new Set(scan(content, SETTINGS, modules).findings.map(({ name }) => name));
    const want = theirs.get(file) ?? new Set();
    hits += want.size;
    for (const line of lines) {
      const name = line.slice(0, line.indexOf(";"));
      if (ours.has(name) === want.has(name)) continue;
      wrong.push(
        `${line} in ${file}: ${JSON.stringify(content.toString().slice(0, 60))}, ours: ${
          ours.has(name)
        }`,
      );
    }
  }
  assert.deepEqual(wrong, []);
  return hits;
}

const COMPARISONS = [
  ["0(>>7#ib1#=65)", "0(>>7#ib2#=16706)", "0(>>7#il2#=16961)", "0(>>7#ib4#>0)", "0(>>7#il4#<0)"],
  ["0(<<1#ib1#=46)", "0(<<7#ib1#=46)", "0(>>7#ib8#>0)", "0(>>7#ib8#<0)", "0(0#ib1#=116)"],
  ["0(>>0x7#ib1#=65)", "0(>>7#db3#=123)", "0(>>7#db3#>100,<200)", "0(>>7#de3#=123)"],
  ["0(>>7#hb4#=0x1234)", "0(>>7#hbe4#=4660)", "0(>>7#hl4#=0x3412)", "0(>>7#hb2#=0)"],
  ["0(>>7#ab6#=123)", "0(>>7#abe6#=291)", "0(>>7#ab6#=0x123)", "0(>>7#db5#=12)"],
  ["0(>>7#dbe5#=12)", "0(>>7#db3#=0)", "0(>>7#hb10#=0x12)"],
].flat();

const EXPRESSIONS = [
  ["0/abc/", "0/a.c/s", "0/ABC/i", "0/^abc/", "0/^abc/m", "0/abc$/", "0/abc$/m", "0/abc\\z/"],
  ["0/(a|b)+c/", "0/a{2,3}b/", "0/(ab){2}/", "0/\\d+\\s\\w+/", "0/[^a-c]x/", "0/(?i)abc/"],
  ["0/a(?=b)/", "0/a(?!b)c/", "0/(?<=x)abc/", "0/(?<!x)abc/", "0/(a)\\1/", "0/(?P<n>a)(?P=n)b/"],
  ["0/\\x61\\x62/", "0/[[:digit:]]{3}/", "0/a*?b/", "0/a++b/", "0/(?>a+)b/", "0/abc/g"],
  ["0&1/abc/", "10:0/abc/", "10:0/abc/r", "0,5:0/abc/", "5,10:0/abc/", "5,10:0/abc/e"],
  ["5,10:0/abcd/e", "EOF-5:0/abc/r", "EOF-3:0/abc/", "0/\\Aabc/", "0/abc/A", "0/a b c/x"],
  ["0/a+/U", "0/a+?/U", "0/\\babc\\b/", "0/(?:x|ab)c/", "0/\\Qa.c\\E/", "0/a\\/c/", "0/.*abc/s"],
  ["0/tri(?=g)/", "0/abc\\x3B/", "0/(?s).abc/", "5:0/^abc/", "5:0/^abc/r", "7:0/^abc/"],
  ["7:0/^abc/r", "7:0/^abc/m", "8:0/(?<=x)abc/r", "8:0/(?<=r)abc/", "7:0/\\babc/"],
  ["7,3:0/^abc/", "7,3:0/abc/e", "7,4:0/abc/e", "7,4:0/abc$/e", "7,4:0/abc/ge", "7,1:0/abc/"],
  ["EOF-3,2:0/abc/", "EOF-4,4:0/abc/e", "0|1/abc/", "0&1=0/abc/", "(0|1)>1/abc/"],
].flat();

const TAILS = [
  ["\x80\x01\x02\x03\x04\x05\x06\x07\x08", "123xyz", "12 xyz", "  123", "1234zz", "0x123zz"],
  ["123abcz", "abc", "xabcabc", "bcabc", "xabc", "aab", "aaab", "abab", "12 foo", "dx", "aa b"],
  [" abc\nabc", "abc\n", "abcabc", "aa", "abcd", "a.c", "a/c", "abc;", "second abc", "xabcx"],
  ["abc abc abc", " 12 34", "+12", "-5zz", "zz", "ac"],
].flat();
const HEADS = [
  "trigger",
  ".trigger",
  "......trigger",
  "xabctrigger",
  "trigger......trigger",
  "abc ....... trigger",
];

peerTest(
  ["clamscan"],
  "sub-signatures of logical signatures find what clamscan finds",
  async () => {
    const subs = [
      ...COMPARISONS.map((sub) => `0&2;${hex("trigger")};${hex("second")};${sub}`),
      ...EXPRESSIONS.map((sub) => `2;${hex("trigger")};${hex("second")};${sub}`),
      ...["2=1", "2=2", "2>1", "2>2"].map((logic) =>
        `${logic};${hex("trigger")};${hex("second")};0/abc/g`
      ),
    ];
    const lines = subs.map((sub, i) => `S${i};Engine:81-255,Target:0;${sub}`);
    const inputs = HEADS.flatMap((head) => TAILS.map((tail) => head + tail));
    const files = new Map(
      [...inputs, "abc trigger", "trigger no", "no abc", "second", "trigger123second456"]
        .map((text, i) => [`f${i}`, octets(text)]),
    );
    assert.ok(await compare(lines, files) > 3000);
  },
);

peerTest(["clamscan"], "conditions on containers hold where clamscan says so", async () => {
  const lines = [
    "Intermediates:CL_TYPE_ZIP",
    "Intermediates:CL_TYPE_ZIP>CL_TYPE_ZIP",
    "Intermediates:CL_TYPE_POSIX_TAR>CL_TYPE_ZIP",
    "Intermediates:CL_TYPE_POSIX_TAR>CL_TYPE_ANY",
    "Intermediates:CL_TYPE_ANY>CL_TYPE_ZIP",
    "Intermediates:CL_TYPE_ANY>CL_TYPE_ANY>CL_TYPE_ANY",
    "Intermediates:CL_TYPE_POSIX_TAR>CL_TYPE_ANY>CL_TYPE_ZIP",
    "Intermediates:CL_TYPE_MAIL>CL_TYPE_ZIP",
    "Container:CL_TYPE_ZIP",
    "Container:CL_TYPE_POSIX_TAR",
  ].map((condition, i) => `C${i};Engine:81-255,Target:0,${condition};0;${hex("trigger1")}`);
  const plain = octets(`trigger1 ${"plain ".repeat(20)}\x01\x02`);
  const file = (content: Uint8Array): readonly File[] => [{ name: "a", content }];
  const zip = (content: Uint8Array) => zipOf(file(content));
  const tar = (content: Uint8Array) => tarOf(file(content));
  const files = new Map([
    ["plain", plain],
    ["zip", zip(plain)],
    ["zipzip", zip(zip(plain))],
    ["tarzip", tar(zip(plain))],
    ["tarzipzip", tar(zip(zip(plain)))],
    ["ziptar", zip(tar(plain))],
    ["tar", tar(plain)],
    ["ziptarzip", zip(tar(zip(plain)))],
    ["mail", mail("m@test", { attachments: [{ name: "a.zip", content: zip(plain) }] })],
  ]);
  assert.ok(await compare(lines, files) > 20);
});
