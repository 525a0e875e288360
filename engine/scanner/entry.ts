/** Entry of the scanner process: `entry.ts SOCKET WORKER MODULES NAMES_SOCKETS`. Imported by nothing but the hidden sub-command. */
import { runScanner } from "./main.ts";

const [socket, worker, modules, namesSockets] = Deno.args.slice(-4);
if (socket === undefined || worker === undefined || modules === undefined) Deno.exit(64);
await runScanner(socket, worker, modules, namesSockets === "true");
