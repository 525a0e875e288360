/** Where yara-x lies; for those who start scans, who may read files. */

/** Whether this runs from the source tree, and not from a bundle, beside which the file lies under another name. */
const FROM_SOURCE = import.meta.url.endsWith("/yara/load.ts");

/** Name of the file beside a bundle: not `.wasm`, which `deno compile` would take for a module. */
export const YARA_FILE = "yara.bin";

/** The WebAssembly module of the npm package @virustotal/yara-x. */
export function yaraUrl(): URL {
  return FROM_SOURCE
    ? new URL("yara_x_js_bg.wasm", import.meta.resolve("@virustotal/yara-x"))
    : new URL(`./${YARA_FILE}`, import.meta.url);
}
