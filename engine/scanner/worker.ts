/** The product's scanning worker: built-in modules, every scan on the same ones. An entry, imported by nothing. */
import { builtinModules } from "../detect/modules.ts";
import { rewriteMessage } from "../message/rewrite.ts";
import { scan } from "../scan.ts";
import { SevenZipTool } from "../unpack/foreign/sevenzip_tool.ts";
import type { Tools } from "../unpack/unpacker.ts";
import { serveScans } from "./serve.ts";

const modules = builtinModules();

let tools: Tools = {};

serveScans({
  takeTools: ({ sevenZip }) => {
    tools = { sevenZip: new SevenZipTool(sevenZip) };
  },
  scan: (octets, settings) => scan(octets, settings, modules, tools),
  rewrite: (octets, request) => rewriteMessage(octets, request),
});
