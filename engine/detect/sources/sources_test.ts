import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { EICAR, EICAR_NAME } from "../eicar.ts";
import { ModuleBuild } from "../module_build.ts";
import { type Modules, openModules } from "../modules.ts";
import type { SearchContext } from "../pattern_set.ts";
import { findingName, linesOf } from "./lines.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const hex = (text: string) =>
  Array.from(encode(text), (octet) => octet.toString(16).padStart(2, "0")).join("");

function modulesOf(file: string, text: string): Modules {
  const build = new ModuleBuild();
  build.add(file, encode(text));
  return openModules(build.finish(1_700_000_000_000).map(({ octets }) => octets));
}

function found(
  modules: Modules,
  octets: Uint8Array,
  type: string,
  context?: SearchContext,
): readonly string[] {
  return modules.patterns.flatMap((set) =>
    set.search(octets, type, context).matches.map(({ pattern }) => pattern.name)
  );
}

/** A program of two sections, `.text` at 0x200 and `.data` at 0x400, whose entry point is at 0x210 of the file. */
function program(text: string, data: string): Uint8Array {
  const octets = new Uint8Array(0x600);
  const view = new DataView(octets.buffer);
  octets.set(encode("MZ"));
  view.setUint32(0x3c, 0x80, true);
  octets.set(encode("PE\0\0"), 0x80);
  view.setUint16(0x86, 2, true);
  view.setUint16(0x94, 0xe0, true);
  view.setUint32(0x98 + 16, 0x1010, true);
  view.setUint32(0x98 + 36, 0x200, true);
  for (const [i, start] of [0x200, 0x400].entries()) {
    const at = 0x98 + 0xe0 + 40 * i;
    view.setUint32(at + 8, 0x200, true);
    view.setUint32(at + 12, 0x1000 * (i + 1), true);
    view.setUint32(at + 16, 0x200, true);
    view.setUint32(at + 20, start, true);
  }
  octets.set(encode(text), 0x210);
  octets.set(encode(data), 0x400);
  return octets;
}

const word = hex("signature");
const patterns: {
  line: string;
  file?: string;
  input?: string | Uint8Array;
  type?: string;
  context?: SearchContext;
  want: boolean | string;
}[] = [
  { line: `N:0:*:${word}`, want: true },
  { line: `N:1:*:${word}`, want: false },
  { line: `N:7:*:${word}`, want: true },
  { line: `N:0:0:${word}`, input: "signature", want: true },
  { line: `N:0:1:${word}`, input: "signature", want: false },
  { line: `N:0:0,4:${word}`, input: "1234signature", want: true },
  { line: `N:0:0,4:${word}`, input: "12345signature", want: false },
  { line: `N:0:EOF-9:${word}`, input: "1234signature", want: true },
  { line: `N:0:EOF-9:${word}`, input: "1234signature.", want: false },
  { line: `N:0:EOF-12,3:${word}`, input: "1234signature.", want: true },
  { line: `N:1:EP+0:${word}`, input: program("signature", ""), type: "pe", want: true },
  { line: `N:1:EP+1:${word}`, input: program("signature", ""), type: "pe", want: false },
  { line: `N:1:EP+1:${word}`, input: program(" signature", ""), type: "pe", want: true },
  { line: `N:1:EP-5,9:${word}`, input: program("signature", ""), type: "pe", want: true },
  { line: `N:1:S1+0:${word}`, input: program("", "signature"), type: "pe", want: true },
  { line: `N:1:S0+0:${word}`, input: program("", "signature"), type: "pe", want: false },
  { line: `N:1:S0+0,100:${word}`, input: program("signature", ""), type: "pe", want: true },
  { line: `N:1:SL+0:${word}`, input: program("", "signature"), type: "pe", want: true },
  { line: `N:1:SE0:${word}`, input: program("signature", ""), type: "pe", want: true },
  { line: `N:1:SE1:${word}`, input: program("signature", ""), type: "pe", want: false },
  { line: `N:0:EP+0:${word}`, input: "signature", want: false },
  { line: `N:0:*:${word}:51:255`, want: true },
  { line: `N:0:*:${word}:999`, want: "signatures for other versions of the engine" },
  { line: `N:0:*:${word}:10:20`, want: "signatures for other versions of the engine" },
  { line: `N:99:*:${word}`, want: "an unknown target type" },
  { line: `N:0:VI:${word}`, want: "places in version information" },
  { line: `N:0:?:${word}`, want: "a place that cannot be read" },
  { line: "N:0:*:6?7?", want: "a pattern without two fixed octets in a row" },
  { line: "N:0:*:(61|(62|63))7777", want: "alternatives with gaps or alternatives in them" },
  { line: "N:0:*:zz", want: "a pattern that is not hexadecimal" },
  { line: `N:0:*:7?69${hex("gnature")}`, want: true },
  { line: `N:0:*:${hex("sig")}(6e|6f)${hex("ature")}`, want: true },
  { line: `N:0:*:${hex("sig")}(6?61|00)${hex("ture")}`, want: true },
  { line: `N:0:*:${hex("sig")}!(6e)${hex("ature")}`, want: false },
  { line: `N:0:*:${hex("si")}[1-2]${hex("natu")}`, want: true },
  { line: `N:0:*:(B)${word}(B)`, want: true },
  { line: `N:0:*:(B)${word}(B)`, input: "a signatures b", want: false },
  { line: `N:0:*:(B)${word}(B)`, input: "signature", want: true },
  { line: `N:0:*:${hex("a")}(W)${word}`, want: true },
  { line: `N:0:*:${word}(L)${hex("next")}`, input: "signature\r\nnext", want: true },
  { line: `N:0:*:${word}(L)${hex("next")}`, input: "signature next", want: false },
  { line: `N:0:*:!(W)${word}`, input: "a signature", want: false },
  { line: `N:0:*:!(W)${word}`, input: "asignature", want: true },
  { line: "N:0:*:7369??6e", want: true },
  { line: "N:0:*:736967", want: true },
  { line: `N:7:*:${hex("a signature")}`, input: "A\r\n  SignaTure", want: true },
  { line: `N:3:*:${hex("a signature")}`, input: "A\r\n  SignaTure", type: "html", want: true },
  { line: `N:0:*:${hex("a signature")}`, input: "A\r\n  SignaTure", want: false },
  { line: `N:7:*:${hex("a signature")}`, input: "A\r\n  SignaTure", type: "pe", want: false },
  // logical
  { file: "a.ldb", line: `N;Target:0;0;${word}`, want: true },
  { file: "a.ldb", line: `N;Engine:51-255,Target:0;0&1;${word};${hex("a sig")}`, want: true },
  { file: "a.ldb", line: `N;Target:0;0&1;${word};${hex("nothing")}`, want: false },
  { file: "a.ldb", line: `N;Target:0;0>1;${word}`, want: false },
  { file: "a.ldb", line: `N;Target:0;0>1;${word}`, input: "signature signature", want: true },
  { file: "a.ldb", line: `N;Target:0;0=2;${word}`, input: "signature signature", want: true },
  { file: "a.ldb", line: `N;Target:1;0;${word}`, want: false },
  { file: "a.ldb", line: `N;Target:0;0;2:${word}`, want: true },
  { file: "a.ldb", line: `N;Target:0;0;3:${word}`, want: false },
  { file: "a.ldb", line: `N;Target:0;0;${hex("SIGNATURE")}`, want: false },
  { file: "a.ldb", line: `N;Target:0;0;${hex("SIGNATURE")}::i`, want: true },
  { file: "a.ldb", line: `N;Target:0;0;${word}::i`, input: "a SiGnAtUrE", want: true },
  { file: "a.ldb", line: `N;Target:0;0;${hex("sig")}::i`, input: "a SIg", want: true },
  { file: "a.ldb", line: `N;Target:0;0;${word}::w`, want: false },
  {
    file: "a.ldb",
    line: `N;Target:0;0;${word}::w`,
    input: "x s\0i\0g\0n\0a\0t\0u\0r\0e\0",
    want: true,
  },
  { file: "a.ldb", line: `N;Target:0;0;${word}::wa`, want: true },
  {
    file: "a.ldb",
    line: `N;Target:0;0;${word}::iw`,
    input: "x S\0I\0g\0n\0a\0t\0u\0r\0e\0",
    want: true,
  },
  { file: "a.ldb", line: `N;Target:0;0;${word}::f`, want: true },
  { file: "a.ldb", line: `N;Target:0;0;${word}::f`, input: "signatures", want: false },
  {
    file: "a.ldb",
    line: `N;Target:0;0;${word}::fw`,
    input: "a\0s\0i\0g\0n\0a\0t\0u\0r\0e\0",
    want: false,
  },
  { file: "a.ldb", line: `N;Target:0,FileSize:1-20;0;${word}`, want: true },
  { file: "a.ldb", line: `N;Target:0,FileSize:12-20;0;${word}`, want: false },
  {
    file: "a.ldb",
    line: `N;Target:1,NumberOfSections:2;0;${word}`,
    input: program("signature", ""),
    type: "pe",
    want: true,
  },
  {
    file: "a.ldb",
    line: `N;Target:1,NumberOfSections:3-4;0;${word}`,
    input: program("signature", ""),
    type: "pe",
    want: false,
  },
  {
    file: "a.ldb",
    line: `N;Target:1,EntryPoint:528;0;${word}`,
    input: program("signature", ""),
    type: "pe",
    want: true,
  },
  { file: "a.ldb", line: `N;Target:0,Container:CL_TYPE_ZIP;0;${word}`, want: false },
  {
    file: "a.ldb",
    line: `N;Target:0,Container:CL_TYPE_ZIP;0;${word}`,
    context: { container: "zip" },
    want: true,
  },
  {
    file: "a.ldb",
    line: `N;Target:0,Container:CL_TYPE_ZIP;0;${word}`,
    context: { container: "zip>tar" },
    want: false,
  },
  { file: "a.ldb", line: `N;Target:0,Container:CL_TYPE_ANY;0;${word}`, want: true },
  {
    file: "a.ldb",
    line: `N;Target:0,Container:CL_TYPE_ANY;0;${word}`,
    context: { container: "zip" },
    want: false,
  },
  ...([
    ["CL_TYPE_ZIP", "zip", true],
    ["CL_TYPE_POSIX_TAR>CL_TYPE_ZIP", "zip>tar>zip", true],
    ["CL_TYPE_POSIX_TAR>CL_TYPE_ZIP", "tar>zip>zip", false],
    ["CL_TYPE_ANY>CL_TYPE_ZIP", "zip", false],
    ["CL_TYPE_ANY>CL_TYPE_ZIP", "message>zip", true],
    ["CL_TYPE_POSIX_TAR>CL_TYPE_ANY", "zip>tar", true],
    ["CL_TYPE_POSIX_TAR>CL_TYPE_ANY", "tar>zip", false],
    ["CL_TYPE_POSIX_TAR>CL_TYPE_ANY", "tar", false],
    ["CL_TYPE_ANY", "tar", true],
  ] as const).map(([layers, container, want]) => ({
    file: "a.ldb",
    line: `N;Target:0,Intermediates:${layers};0;${word}`,
    context: { container },
    want,
  })),
  { file: "a.ldb", line: `N;Target:0,Intermediates:CL_TYPE_ANY;0;${word}`, want: false },
  {
    file: "a.ldb",
    line: `N;Target:0,Intermediates:CL_TYPE_ZIP>CL_TYPE_X;0;${word}`,
    want: "a container type that is not known here",
  },
  {
    file: "a.ldb",
    line: `N;Target:0,Container:CL_TYPE_X;0;${word}`,
    want: "a container type that is not known here",
  },
  { file: "a.ldb", line: `N;Target:0,IconGroup1:X;0;${word}`, want: "the condition IconGroup1" },
  {
    file: "a.ldb",
    line: `N;Target:0,HandlerType:CL_TYPE_ZIP;0;${word}`,
    want: "the condition HandlerType",
  },
  { file: "a.ldb", line: `N;Target:0;1;${word};0/A SIG(n|m)at/i`, want: true },
  { file: "a.ldb", line: `N;Target:0;1;${word};0/^sig/`, want: false },
  { file: "a.ldb", line: `N;Target:0;1;${word};2:0/^sig/`, want: true },
  { file: "a.ldb", line: `N;Target:0;1;${word};0&0/sig/`, want: true },
  { file: "a.ldb", line: `N;Target:0;2;${word};0(>>7#ib2#=0x7265);0&1/a.*e/`, want: true },
  { file: "a.ldb", line: `N;Target:0;2;${word};0(>>7#ib2#<0x7265);0&1/a.*e/`, want: false },
  {
    file: "a.ldb",
    line: `N;Target:0;1;${word};0/(a+)+b/`,
    input: `signature ${"a".repeat(60)}`,
    want: false,
  },
  {
    file: "a.ldb",
    line: `N;Target:0;0;0/x+/i`,
    want: "a regular expression that waits for one behind it",
  },
  {
    file: "a.ldb",
    line: `N;Target:0;1;${word};0=0/x+/i`,
    want: "a regular expression that waits for nothing",
  },
  {
    file: "a.ldb",
    line: `N;Target:0;0&1;${word};0/(?R)/`,
    want: "recursion or conditions in a regular expression",
  },
  {
    file: "a.ldb",
    line: `N;Target:0;0&1;${word};0/x/q`,
    want: "a regular expression with an unknown flag",
  },
  {
    file: "a.ldb",
    line: `N;Target:0;0;fuzzy_img#af2ad01ed42993c7#0`,
    want: "fuzzy hashes of pictures",
  },
  { file: "a.ldb", line: `N;Target:0;0&1;${word};0(>>26#ib2#>512)`, want: false },
  { file: "a.ldb", line: `N;Target:0;0&1;${word};0(>>7#ib2#>512)`, want: true },
  {
    file: "a.ldb",
    line: `N;Target:0;0&1;${word};0(>>7#ib3#>512)`,
    want: "a comparison of octets of no number",
  },
  {
    file: "a.ldb",
    line: `N;Target:0;0&1;${word};0(>>7#dl3#>512)`,
    want: "a comparison of decimal numbers in little-endian order",
  },
  {
    file: "a.ldb",
    line: `N;Target:0;0&1;${word};0(>>7#ib2#!512)`,
    want: "a comparison of numbers that cannot be read",
  },
  {
    file: "a.ldb",
    line: `N;Target:0;0&2;${word};0(>>7#ib2#>5);1(>>7#ib2#>5)`,
    want: "a comparison behind one",
  },
  { file: "a.ldb", line: "N;Target:0;0;${1-2}3$", want: "a macro behind no octets" },
  {
    file: "a.ldb",
    line: `N;Target:0;0&1;${word};\${3-5}1$`,
    want: "a macro within the pattern before it",
  },
  {
    file: "a.ldb",
    line: `N;Target:0;0&1;${word}*41;\${30-50}1$`,
    want: "a macro behind a pattern of no fixed length or case",
  },
  {
    file: "a.ldb",
    line: `N;Target:0;1;${word}`,
    want: "an expression about a sub-signature that is not there",
  },
  {
    file: "a.ldb",
    line: `N;Target:0;0=0;${word}`,
    want: "an expression that holds where nothing is found",
  },
  { file: "a.ldb", line: `N;Target:0;0&&1;${word}`, want: "an expression that cannot be read" },
  // containers
  { file: "a.cdb", line: "N:CL_TYPE_ZIP:*:x:*:*:*:*:5:*", want: "checksums of entries" },
  {
    file: "a.cdb",
    line: "N:CL_TYPE_ZIP:*:(a+)+$:*:*:*:*:*:*",
    want: "a regular expression that may take for ever",
  },
  {
    file: "a.cdb",
    line: "N:CL_TYPE_ZIP:*:[:*:*:*:*:*:*",
    want: "a regular expression that cannot be read",
  },
  { file: "a.cdb", line: "N:CL_TYPE_ZIP:*", want: "a line with too few fields" },
  // hashes
  {
    file: "a.hdb",
    line: `${"a".repeat(32)}:x:N`,
    want: "a size that is neither a number of octets nor *",
  },
  { file: "a.hdb", line: "zz:1:N", want: "a hash that is not MD5, SHA-1 or SHA-256 in hex" },
  { file: "a.pdb", line: "anything", want: "files that end in .pdb" },
];
for (
  const { line, file = "a.ndb", input = "a signature", type = "text", context, want } of patterns
) {
  const shown = typeof input === "string" ? JSON.stringify(input) : "a program";
  Deno.test(`${file.slice(2)}: ${line.slice(0, 90)} in ${shown}: ${want}`, () => {
    const build = new ModuleBuild();
    const [report] = build.add(file, encode(`# comment\n\n${line}\r\n`));
    if (typeof want === "string") {
      assert.deepEqual(report, { file, used: 0, unused: [{ why: want, count: 1, lines: [3] }] });
      return;
    }
    assert.deepEqual(report, { file, used: 1, unused: [] });
    const modules = openModules(build.finish(0).map(({ octets }) => octets));
    const octets = typeof input === "string" ? encode(input) : input;
    assert.deepEqual(found(modules, octets, type, context), want ? ["N"] : []);
  });
}

Deno.test("a macro stands for every pattern of its group, whichever source comes first", () => {
  const logical = `M;Engine:51-255,Target:0;0&1;${hex("aaa")};\${6-7}12$\n` +
    `E;Engine:51-255,Target:0;0&1;${hex("aaa")};\${6-7}13$\n`;
  const members = `D1:0:$12:${hex("bbb")}\nD2:0:$12:${hex("ccc")}\nD3:0:$30:${hex("bbd")}\n`;
  for (const order of [["a.ldb", "a.ndb"], ["a.ndb", "a.ldb"]]) {
    const build = new ModuleBuild();
    for (const file of order) {
      const [report] = build.add(file, encode(file === "a.ldb" ? logical : members));
      assert.deepEqual(report?.unused, []);
    }
    const modules = openModules(build.finish(0).map(({ octets }) => octets));
    const rows: readonly [text: string, found: boolean][] = [
      ["aaa...bbb", true],
      ["aaa....ccc", true],
      ["aaa..bbb", false],
      ["aaa.....bbb", false],
      ["aaa...bbd", false],
      ["bbb ccc", false],
    ];
    for (const [text, want] of rows) {
      assert.deepEqual(found(modules, encode(text), "text"), want ? ["M"] : [], text);
    }
  }
});

Deno.test("A .ndu makes what it finds suspicious, an .ign2 keeps names out", () => {
  const build = new ModuleBuild();
  build.add("a.ign2", encode("Wrong\n"));
  const [report] = build.add("a.ndu", encode(`Wrong:0:*:${word}\nUnwanted:0:*:${word}\n`));
  assert.deepEqual(report?.unused, [{ why: "names that are to be ignored", count: 1, lines: [1] }]);
  const modules = openModules(build.finish(0).map(({ octets }) => octets));
  const matches = modules.patterns.flatMap((set) =>
    set.search(encode("a signature"), "text").matches
  );
  assert.deepEqual(matches.map(({ pattern }) => pattern), [
    { name: "Unwanted", severity: "suspicious" },
  ]);
});

Deno.test("A .cdb asks what a container says of its entries", () => {
  const modules = modulesOf(
    "a.cdb",
    "Name:CL_TYPE_ZIP:*:\\.exe$:*:*:*:*:*:*\nSize:*:*:*:10-20:*:*:2:*:*\nLocked:*:*:*:*:*:1:*:*:*:1\n",
  );
  const entry = {
    container: "zip",
    containerSize: 1000,
    names: ["a.exe"],
    packedSize: 15,
    size: 30,
    position: 1,
    encrypted: false,
  };
  const match = (more: Partial<typeof entry>) =>
    modules.containers.flatMap((set) => set.match({ ...entry, ...more }));
  assert.deepEqual(match({}), ["Name"]);
  assert.deepEqual(match({ container: "rar", position: 2 }), ["Size"]);
  assert.deepEqual(match({ names: ["a.txt"], encrypted: true }), ["Locked"]);
});

function tar(files: Readonly<Record<string, string>>): Uint8Array {
  const blocks: number[] = [];
  for (const [name, content] of Object.entries(files)) {
    const header = new Uint8Array(512);
    header.set(encode(name));
    header.set(encode(`${content.length.toString(8).padStart(11, "0")}\0`), 124);
    header.set(encode("ustar\0"), 257);
    header.fill(0x20, 148, 156);
    const sum = header.reduce((all, octet) => all + octet, 0);
    header.set(encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    const data = new Uint8Array(Math.ceil(content.length / 512) * 512);
    data.set(encode(content));
    blocks.push(...header, ...data);
  }
  return Uint8Array.from([...blocks, ...new Uint8Array(1024)]);
}

function database(
  body: Uint8Array,
  md5 = createHash("md5").update(body).digest("hex"),
): Uint8Array {
  const header = `ClamAV-VDB:01 Jan 2024 00-00 +0000:27:2:63:${md5}:x:builder:1704067200`;
  const octets = new Uint8Array(512 + body.length).fill(0x20, 0, 512);
  octets.set(encode(header));
  octets.set(body, 512);
  return octets;
}

const files = {
  COPYING: "licence",
  "daily.info": "about it",
  "daily.ndb": `N:0:*:${word}\nWrong:0:*:${word}\nBad:0:*:zz\n`,
  "daily.ign2": "Wrong\n",
};
for (
  const { name, body } of [{ name: "daily.cvd", body: gzipSync(tar(files)) }, {
    name: "daily.cld",
    body: tar(files),
  }]
) {
  Deno.test(`A ${name} is opened, what is to be ignored is read first`, () => {
    const build = new ModuleBuild();
    const reports = build.add(name, database(new Uint8Array(body)));
    assert.deepEqual(reports.map(({ file, used, unused }) => [file, used, unused.length]), [
      [`${name}:daily.ndb`, 1, 2],
    ]);
    const [module] = build.finish(0);
    assert.equal(module?.header.version, "daily:27");
  });
}

for (
  const { why, octets } of [
    { why: "its hash is wrong", octets: database(tar(files), "0".repeat(32)) },
    { why: "it does not unpack", octets: database(new Uint8Array([0x1f, 0x8b, 8, 0, 0])) },
    { why: "it does not begin as one", octets: encode("x") },
    { why: "its tar is damaged", octets: database(tar(files).subarray(0, 515)) },
  ]
) {
  Deno.test(`A damaged .cvd is refused: ${why}`, () => {
    assert.throws(() => new ModuleBuild().add("a.cvd", octets), {
      code: "module/source",
      message: `Cannot open the database a.cvd: ${why}`,
    });
  });
}

Deno.test("ModuleBuild.add() takes any text for any kind of source", () => {
  const line = fc.oneof(
    fc.stringMatching(/^[0-9a-fNST:;*?(){}|!,&<>=+-]{0,60}$/),
    fc.string({ maxLength: 40 }),
    fc.constantFrom(...patterns.map((row) => row.line)).chain((text) =>
      fc.nat(text.length).map((cut) => text.slice(0, cut))
    ),
  );
  const ending = fc.constantFrom("hdb", "fp", "mdb", "ndb", "ldb", "cdb", "ign", "txt");
  fc.assert(fc.property(ending, fc.array(line, { maxLength: 8 }), (kind, text) => {
    const build = new ModuleBuild();
    build.add(`a.${kind}`, encode(text.join("\n")));
    const modules = openModules(build.finish(0).map(({ octets }) => octets));
    found(modules, program("a signature", "b"), "pe");
  }));
});

Deno.test("linesOf() counts lines over the ends of its chunks", () => {
  const octets = encode("a\n".repeat(3_000_000) + "last");
  let lines = 0;
  let last: readonly [string, number] = ["", 0];
  for (const line of linesOf(octets)) {
    lines++;
    last = line;
  }
  assert.deepEqual([lines, last], [3_000_001, ["last", 3_000_001]]);
});

Deno.test("findingName() is printable ASCII of at most 200 characters", () => {
  assert.equal(findingName("a\r\nb\u0000\u202eü"), "a??b???");
  assert.equal(findingName("x".repeat(300)).length, 200);
});

Deno.test("openModules() adds to what is built in", () => {
  const modules = modulesOf("a.ndb", `N:0:*:${word}`);
  const text = encode(`some ${EICAR} and a signature`);
  assert.deepEqual(found(modules, text, "text").toSorted(), [EICAR_NAME, "N"].toSorted());
  assert.deepEqual(modules.info.at(-1)?.count, 1);
  assert.notEqual(modules.id, modulesOf("a.ndb", `M:0:*:${word}`).id);
});

Deno.test("Text that lies as it is in searched octets is searched in its normal form", () => {
  const modules = modulesOf("a.ndb", `N:7:*:${hex("buy this signature now")}`);
  const text = encode("BUY  this\r\nSignature now");
  assert.deepEqual(found(modules, text, "text", { searched: true }), ["N"]);
  assert.deepEqual(found(modules, text, "binary", { searched: true }), []);
});

Deno.test("Patterns are found at every place of a word, beside whatever else", () => {
  const texts = [
    "seven77",
    "eight888",
    "http://www.example.org/",
    "aaaaaaaaaaaa",
    "\0\0\0\0\0\0\0x",
  ];
  const lines = texts.map((text, i) => `P${i}:0:*:${hex(text)}`);
  const folded = `F;Target:0;0;${hex("folded")}::i`;
  const build = new ModuleBuild();
  build.add("a.ndb", encode(lines.join("\n")));
  build.add("a.ldb", encode(folded));
  const modules = openModules(build.finish(0).map(({ octets }) => octets));
  for (let before = 0; before < 9; before++) {
    for (const [i, text] of [...texts, "fOLdeD"].entries()) {
      const octets = encode(`${"-".repeat(before)}${text}${"-".repeat(before % 3)}`);
      const name = i === texts.length ? "F" : `P${i}`;
      assert.deepEqual(found(modules, octets, "binary"), [name], `${text} at ${before}`);
      assert.deepEqual(found(modules, octets.subarray(0, before + text.length - 1), "binary"), []);
    }
  }
});
