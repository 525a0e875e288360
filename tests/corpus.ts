/** The corpus of test mail and files; it lies beside the checkout, and tests that need it are skipped where it does not. */
import { Buffer } from "node:buffer";

/** Folder of the corpus. */
export const CORPUS = new URL("../../shared/corpus/", import.meta.url).pathname;

/** One line of a manifest: what is known of a file. */
export interface CorpusEntry {
  /** Path below the corpus. */
  readonly file: string;
  readonly kind?: string;
  readonly expect?: string;
  readonly also?: readonly string[];
  readonly note?: string;
  readonly set?: string;
  readonly sig?: string;
}

/** Whether the corpus is there. */
export async function hasCorpus(): Promise<boolean> {
  try {
    return (await Deno.stat(CORPUS)).isDirectory;
  } catch {
    return false;
  }
}

/** All entries of a folder's manifest. */
export async function manifest(folder: string): Promise<CorpusEntry[]> {
  const text = await Deno.readTextFile(`${CORPUS}${folder}/manifest.jsonl`);
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** Every file of the corpus, sorted, whole paths. */
export async function corpusFiles(folder = CORPUS.slice(0, -1)): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) paths.push(...await corpusFiles(path));
    else if (entry.isFile) paths.push(path);
  }
  return paths.sort();
}

/** Octets with each line end made CRLF, and one at the end: as mail is sent. */
export function withCrlf(octets: Uint8Array): Uint8Array {
  const text = Buffer.from(octets).toString("latin1").replace(/\r\n|\r|\n/g, "\r\n");
  return Buffer.from(text.endsWith("\r\n") ? text : `${text}\r\n`, "latin1");
}

/**
 * Real mail of the corpus, ready to be sent.
 *
 * @param count How many, evenly taken from all.
 */
export async function corpusMail(count: number): Promise<{ name: string; message: Uint8Array }[]> {
  const entries = (await manifest("mail")).map(({ file }) => file).sort();
  const step = Math.max(1, entries.length / count);
  const mails: { name: string; message: Uint8Array }[] = [];
  for (let at = 0; at < entries.length && mails.length < count; at += step) {
    const file = entries[Math.floor(at)] ?? "";
    mails.push({ name: file, message: withCrlf(await Deno.readFile(`${CORPUS}${file}`)) });
  }
  return mails;
}
