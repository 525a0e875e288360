/** Containers that other programs make, opened by the engine. */
import assert from "node:assert/strict";
import { EICAR } from "../engine/detect/eicar.ts";
import { builtinModules } from "../engine/detect/modules.ts";
import { scan } from "../engine/scan.ts";
import { loadSevenZip } from "../engine/scanner/sevenzip_file.ts";
import type { Verdict } from "../engine/types.ts";
import { peer, type PeerName, peerTest } from "./peers/peer.ts";
import { run } from "./peers/process.ts";
import { virusScan } from "./scan_settings.ts";

const TOOLS = { sevenZip: loadSevenZip() };
const SETTINGS = virusScan("file");

function scanned(octets: Uint8Array, passwords: readonly string[] = []): Verdict {
  return scan(octets, { ...SETTINGS, passwords }, builtinModules(), TOOLS);
}

/** Runs a program in an empty directory that holds the test file as `e.com`; fails where the program does. */
async function inDirectory(
  name: PeerName,
  body: (make: (...args: readonly string[]) => Promise<void>, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${directory}/e.com`, EICAR);
    const program = await peer(name);
    await body(async (...args) => {
      const { code, stderr } = await run(program, args, { cwd: directory });
      assert.equal(code, 0, stderr);
    }, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const PDF = `%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(e.com) 4 0 R]>>>>>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>> endobj
4 0 obj <</Type/Filespec/F(e.com)/EF<</F 5 0 R>>>> endobj
5 0 obj <</Type/EmbeddedFile/Length ${EICAR.length}>>stream
${EICAR}
endstream endobj
trailer <</Root 1 0 R/Size 6>>
%%EOF
`;

const PDF_CIPHERS: Readonly<Record<string, readonly string[]>> = {
  "RC4 40": ["40"],
  "RC4 128": ["128", "--use-aes=n"],
  "AES-128": ["128", "--use-aes=y"],
  "AES-128, metadata plain": ["128", "--use-aes=y", "--cleartext-metadata"],
  "AES-256, revision 5": ["256", "--force-R5"],
  "AES-256, revision 6": ["256"],
};
for (const [name, [bits = "", ...more]] of Object.entries(PDF_CIPHERS)) {
  peerTest(
    ["qpdf"],
    `A PDF that qpdf enciphered is opened with either password: ${name}`,
    () =>
      inDirectory("qpdf", async (make, directory) => {
        await Deno.writeTextFile(`${directory}/plain.pdf`, PDF);
        const weak = bits === "256" && more.length === 0 ? [] : ["--allow-weak-crypto"];
        await make(
          "--warning-exit-0",
          ...weak,
          "--encrypt",
          "for you",
          "for me",
          bits,
          ...more,
          "--",
          "plain.pdf",
          "closed.pdf",
        );
        const closed = await Deno.readFile(`${directory}/closed.pdf`);
        assert.deepEqual(scanned(closed, ["other"]).notScanned, ["encrypted"]);
        for (const password of ["for you", "for me"]) {
          const { status, notScanned } = scanned(closed, ["other", password]);
          assert.deepEqual([status, notScanned], ["infected", []], password);
        }
      }),
  );
}

/** Lines that compress, and noise that does not. */
const LONG = Array.from({ length: 900 }, (_, i) => `line ${i}, ${Math.imul(i, 48271) >>> 3}\n`)
  .join("");

/** Checks that the test file and a longer one came out of what a program made. */
function holds(octets: Uint8Array): void {
  const { status, parts, notScanned } = scanned(octets);
  assert.deepEqual([status, notScanned], ["infected", []]);
  assert.ok(parts.some(({ size }) => size === LONG.length), "the longer file is there, too");
}

for (const way of ["a", "aq", "as"]) {
  peerTest(
    ["arc"],
    `What ARC packs by "${way}" is opened`,
    () =>
      inDirectory("arc", async (make, directory) => {
        await Deno.writeTextFile(`${directory}/long.txt`, LONG);
        await make(way, "made.arc", "e.com", "long.txt");
        holds(await Deno.readFile(`${directory}/made.arc`));
      }),
  );
}

peerTest(
  ["arj"],
  "What ARJ garbled is opened with the password",
  () =>
    inDirectory("arj", async (make, directory) => {
      await Deno.writeTextFile(`${directory}/long.txt`, LONG);
      await make("a", "-y", "-gHeslo 1", "made.arj", "e.com", "long.txt");
      const octets = await Deno.readFile(`${directory}/made.arj`);
      assert.deepEqual(scanned(octets, ["other"]).notScanned, ["encrypted"]);
      const { status, notScanned } = scanned(octets, ["other", "Heslo 1"]);
      assert.deepEqual([status, notScanned], ["infected", []]);
    }),
);

for (const level of ["-1", "-3", "-9"]) {
  peerTest(
    ["lzop"],
    `What lzop packs by ${level} is opened`,
    () =>
      inDirectory("lzop", async (make, directory) => {
        await Deno.writeTextFile(`${directory}/long.txt`, LONG);
        await make(level, "-o", "made.lzo", "e.com", "long.txt");
        holds(await Deno.readFile(`${directory}/made.lzo`));
      }),
  );
}

peerTest(
  ["zip"],
  "Volumes that zip wrote are put together",
  () =>
    inDirectory("zip", async (make, directory) => {
      const noise = crypto.getRandomValues(new Uint8Array(50_000));
      const files = ["1", "2", "3"].map((name) => `${directory}/${name}`);
      for (const file of files) {
        await Deno.writeFile(file, noise.map((octet) => octet ^ file.length));
      }
      await make("-q", "-s", "64k", "made.zip", "1", "2", "e.com", "3");
      const names = ["made.z01", "made.z02", "made.zip"];
      for (const name of names) {
        await Deno.stat(`${directory}/${name}`);
      }
      const tar = await run("tar", ["-c", ...names], { cwd: directory });
      assert.equal(tar.code, 0);
      await run("tar", ["-cf", "all.tar", ...names], { cwd: directory });
      const { status, notScanned } = scanned(await Deno.readFile(`${directory}/all.tar`));
      assert.deepEqual([status, notScanned], ["infected", []]);
    }),
);

for (const packing of ["zlib", "bzip2", "lzma", "/SOLID lzma"]) {
  peerTest(
    ["makensis"],
    `What an installer of NSIS brings along is opened: ${packing}`,
    () =>
      inDirectory("makensis", async (make, directory) => {
        await Deno.writeTextFile(`${directory}/long.txt`, LONG);
        await Deno.writeTextFile(
          `${directory}/made.nsi`,
          `SetCompressor ${packing}\nOutFile made.exe\nInstallDir $TEMP\nSection\nFile e.com\nFile long.txt\nSectionEnd\n`,
        );
        await make("-V1", "made.nsi");
        holds(await Deno.readFile(`${directory}/made.exe`));
      }),
  );
}
