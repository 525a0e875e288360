/** The product's scanning worker: built-in modules, every scan on the same ones. An entry, imported by nothing. */
import { builtinModules } from "../detect/modules.ts";
import { rewriteMessage } from "../message/rewrite.ts";
import { scan } from "../scan.ts";
import { serveScans } from "./serve.ts";

const modules = builtinModules();

serveScans({
  scan: (octets, settings) => scan(octets, settings, modules),
  rewrite: (octets, request) => rewriteMessage(octets, request),
});
