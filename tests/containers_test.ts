/** Containers that other programs make, opened by the engine. */
import assert from "node:assert/strict";
import { EICAR } from "../engine/detect/eicar.ts";
import { builtinModules } from "../engine/detect/modules.ts";
import { scan } from "../engine/scan.ts";
import { loadSevenZip } from "../engine/scanner/sevenzip_file.ts";
import type { ScanSettings, Verdict } from "../engine/types.ts";
import { peer, type PeerName, peerTest } from "./peers/peer.ts";
import { run } from "./peers/process.ts";

const TOOLS = { sevenZip: loadSevenZip() };
const SETTINGS: ScanSettings = {
  mode: "file",
  antivirus: true,
  antispam: false,
  limits: {
    messageOctets: 1e7,
    depth: 10,
    files: 1000,
    octets: 1e8,
    ratio: 1000,
    timeMs: 20_000,
  },
};

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
