/** Entry of the scanner process: `entry.ts SOCKET WORKER MODULES NAMES_SOCKETS C_LIBRARY`. Imported by nothing but the hidden sub-command. */
import { runScanner } from "./main.ts";

const [socket, worker, modules, namesSockets, library = ""] = Deno.args.slice(-5);
if (socket === undefined || worker === undefined || modules === undefined) Deno.exit(64);
await runScanner(socket, worker, modules, namesSockets === "true", library);
