/** Entry of the scanner process: `entry.ts SOCKET WORKER MODULES`. Imported by nothing but the hidden sub-command of the binary. */
import { runScanner } from "./main.ts";

const [socket, worker, modules] = Deno.args.slice(-3);
if (socket === undefined || worker === undefined || modules === undefined) Deno.exit(64);
await runScanner(socket, worker, modules);
