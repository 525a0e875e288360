/** The product's scanning worker: every scan on the same modules. An entry, imported by nothing. */
import { builtinModules, openModules } from "../detect/modules.ts";
import { PartCache } from "../part_cache.ts";
import { rewriteMessage } from "../message/rewrite.ts";
import { scanRemembering } from "../scan.ts";
import { SevenZipTool } from "../unpack/foreign/sevenzip_tool.ts";
import type { Tools } from "../unpack/unpacker.ts";
import { loadedOctets } from "./mapped_file.ts";
import { serveScans } from "./serve.ts";

let modules = builtinModules();
let tools: Tools = {};
/** For as long as the modules are what they are: to the scanner's end. */
const cache = new PartCache();

serveScans({
  takeTools: ({ sevenZip, modules: files, yara }) => {
    if (files.length > 0) modules = openModules(files.map(loadedOctets), yara);
    tools = { sevenZip: new SevenZipTool(sevenZip) };
  },
  scan: (octets, settings) => scanRemembering(octets, settings, modules, tools, cache),
  rewrite: (octets, request) => rewriteMessage(octets, request),
});
