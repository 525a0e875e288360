import { Buffer } from "node:buffer";
import { CORPUS, corpusFiles, hasCorpus } from "./corpus.ts";

/** What one side of a recorded conversation sent. */
export interface Capture {
  /** `smtp/curl-01 c`. */
  readonly name: string;
  readonly octets: Uint8Array;
}

/** Both sides of every recorded conversation, whatever its protocol; none where there is no corpus. */
export async function corpusCaptures(): Promise<readonly Capture[]> {
  if (!await hasCorpus()) return [];
  const captures: Capture[] = [];
  for (const path of await corpusFiles(`${CORPUS}proto/capture`)) {
    if (!path.endsWith(".jsonl")) continue;
    const sides = new Map<string, Uint8Array[]>();
    for (const line of (await Deno.readTextFile(path)).trim().split("\n")) {
      const { dir, data } = JSON.parse(line) as { dir?: string; data?: string };
      if (dir === undefined || data === undefined) continue;
      const side = sides.get(dir) ?? [];
      sides.set(dir, side);
      side.push(Buffer.from(data, "base64"));
    }
    const name = path.slice(`${CORPUS}proto/capture/`.length, -".jsonl".length);
    for (const [dir, pieces] of sides) {
      captures.push({ name: `${name} ${dir}`, octets: Buffer.concat(pieces) });
    }
  }
  return captures;
}
