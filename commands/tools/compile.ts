/**
 * Makes the single binary: bundles the program and the parts that it starts as processes and workers, then compiles the bundles,
 * so that no node_modules gets in and the start stays short.
 *
 * Environment: COMPILE_DENO, the Deno that compiles (default: this one); DENORT_BIN, the runtime to embed where it cannot be
 * fetched from Deno's host, of the version of COMPILE_DENO.
 *
 * Usage: compile.ts [--bundle-only]; the bundles lie in dist/bundle/ and run under any Deno that is new enough, too.
 * compile.ts --probe DIRECTORY is for tests: all is made there, and the scanning worker is the one of tests/fixtures/.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BUNDLES, NURSERY } from "../../daemon/entries.ts";
import { YARA_FILE, yaraUrl } from "../../engine/detect/yara/load.ts";
import { SEVENZIP_FILE, sevenZipUrl } from "../../engine/scanner/sevenzip_file.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PROBE = Deno.args[0] === "--probe" ? Deno.args[1] : undefined;
const DIRECTORY = PROBE ?? join(ROOT, "dist");
const BUNDLE_DIRECTORY = join(DIRECTORY, "bundle");
const BINARY = join(DIRECTORY, "postern");
const SOURCES = PROBE === undefined
  ? BUNDLES
  : { ...BUNDLES, scan_worker: "tests/fixtures/scanner_worker.ts" };
/** A binary larger than this holds what it should not. */
const MAX_BINARY_OCTETS = 110 * 1024 * 1024;
const REQUIRE =
  'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);';
/**
 * What the bundler cannot find: a library's own package.json, named without its ending. It is read for the User-Agent of fetches
 * that are never made here.
 */
const PACKAGE = "../package";
const PACKAGE_CALL = /[\w$]+\("\.\.\/package"\)/g;
const UNSTABLE = ["--unstable-worker-options", "--unstable-kv", "--unstable-net"];

async function run(program: string, args: readonly string[]): Promise<void> {
  const { success, code } = await new Deno.Command(program, { args: [...args], cwd: ROOT }).output()
    .then(({ success, code, stderr }) => {
      if (!success) Deno.stderr.writeSync(stderr);
      return { success, code };
    });
  if (!success) throw new Error(`${program} ${args[0]} ended with ${code}`);
}

async function bundle(source: string, name: string): Promise<string> {
  const output = join(BUNDLE_DIRECTORY, `${name}.js`);
  await run(Deno.execPath(), [
    "bundle",
    "--quiet",
    "--minify",
    "--keep-names",
    "--external",
    PACKAGE,
    "-o",
    output,
    source,
  ]);
  const bundled = await Deno.readTextFile(output);
  const text = bundled.replace(PACKAGE_CALL, '({version:"",homepage:""})');
  if (text !== bundled) await Deno.writeTextFile(output, text);
  // Libraries in CommonJS ask for Node's modules by a function that older runtimes do not give to ES modules.
  if (text.includes("Dynamic require of")) await Deno.writeTextFile(output, REQUIRE + text);
  return output;
}

async function compile(main: string, parts: readonly string[]): Promise<void> {
  const deno = Deno.env.get("COMPILE_DENO") ?? Deno.execPath();
  try {
    await run(deno, [
      "compile",
      "--quiet",
      "--no-config",
      "--no-check",
      "-A",
      `--v8-flags=${NURSERY}`,
      ...UNSTABLE,
      ...parts.flatMap((part) => ["--include", part]),
      "--output",
      `${BINARY}.part`,
      main,
    ]);
  } catch (error) {
    throw new Error(
      "deno compile failed. Where its runtime (denort) cannot be fetched, name one with DENORT_BIN, and with COMPILE_DENO the Deno " +
        "of the same version",
      { cause: error },
    );
  }
  await Deno.rename(`${BINARY}.part`, BINARY);
}

await Deno.mkdir(BUNDLE_DIRECTORY, { recursive: true });
const main = await bundle("main.ts", "main");
const parts: string[] = [];
for (const [name, source] of Object.entries(SOURCES)) parts.push(await bundle(source, name));
const sevenZip = join(BUNDLE_DIRECTORY, SEVENZIP_FILE);
await Deno.copyFile(sevenZipUrl(), sevenZip);
parts.push(sevenZip);
const yara = join(BUNDLE_DIRECTORY, YARA_FILE);
await Deno.copyFile(yaraUrl(), yara);
parts.push(yara);
if (Deno.args.includes("--bundle-only")) Deno.exit(0);
await compile(main, parts);
const { size } = await Deno.stat(BINARY);
console.log(`dist/postern: ${(size / 1024 ** 2).toFixed(1)} MB`);
if (size > MAX_BINARY_OCTETS) {
  console.error(`larger than ${MAX_BINARY_OCTETS / 1024 ** 2} MB`);
  Deno.exit(1);
}
