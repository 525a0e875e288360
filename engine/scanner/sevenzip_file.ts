/** Where the octets of {@link SevenZipTool} come from; for those who start a scan, who may read files. */
import { SevenZipTool } from "../unpack/foreign/sevenzip_tool.ts";

/** Whether this runs from the source tree, and not from a bundle, beside which the file lies under another name. */
const FROM_SOURCE = import.meta.url.endsWith("/scanner/sevenzip_file.ts");

/** Name of the file beside a bundle: not `.wasm`, which `deno compile` would take for a module. */
export const SEVENZIP_FILE = "sevenzip.bin";

/** The file `7zz.wasm` of the npm package 7z-wasm. */
export function sevenZipUrl(): URL {
  return FROM_SOURCE
    ? new URL(import.meta.resolve("7z-wasm/7zz.wasm"))
    : new URL(`./${SEVENZIP_FILE}`, import.meta.url);
}

/**
 * Reads the tool; it is compiled on first use.
 *
 * @throws {Deno.errors.NotFound} where the package is not in the cache or the bundle not whole.
 */
export function loadSevenZip(): SevenZipTool {
  return new SevenZipTool(Deno.readFileSync(sevenZipUrl()));
}
