/** Entry of the scanner process: `entry.ts SOCKET WORKER`. Imported by nothing but the hidden sub-command of the binary. */
import { runScanner } from "./main.ts";

const [socket, worker] = Deno.args.slice(-2);
if (socket === undefined || worker === undefined) Deno.exit(64);
await runScanner(socket, worker);
