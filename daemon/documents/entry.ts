/** Entry of the process that evaluates a document: `entry.ts WORKER`. Imported by nothing but the hidden sub-command. */
import { runDocumentReader } from "./read.ts";

const worker = Deno.args.at(-1);
if (worker === undefined) Deno.exit(64);
await runDocumentReader(worker);
