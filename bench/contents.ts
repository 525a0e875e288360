/** What is scanned in measurements: clean data of several kinds, the same in each run. */

/** Objects of one kind. */
export interface Content {
  readonly name: string;
  readonly objects: readonly Uint8Array[];
}

const CORPUS = new URL("../../shared/corpus/", import.meta.url);
/** Size of a text and of random octets; and how many of them there are. */
const OCTETS = 10_000_000;
const COUNT = 4;
/** Least size of attachments, octets. */
const ATTACHMENT_OCTETS = 5_000;
/** Where ordinary ones are, and not those made to test one reader. */
const ATTACHMENTS = /^files\/(clean|office|pdf|pdfjs)\//;

/** mulberry32: a number below 2^32, the same ones for the same seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

function random(seed: number): Uint8Array {
  const next = numbers(seed);
  return Uint8Array.from({ length: OCTETS }, next);
}

interface Row {
  readonly file: string;
  readonly expect?: string;
  readonly label?: string;
}

async function rows(folder: string): Promise<readonly Row[]> {
  const text = await Deno.readTextFile(new URL(`${folder}/manifest.jsonl`, CORPUS));
  return text.trim().split("\n").map((line): Row => JSON.parse(line));
}

/** LF becomes CRLF, as mail has it. */
function withLineEnds(octets: Uint8Array): Uint8Array {
  const text = new TextDecoder("latin1").decode(octets).replace(/\r?\n/g, "\r\n");
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Bodies of mails, printable characters, blanks and line ends only, in another order in each text. */
function texts(mails: readonly Uint8Array[]): readonly Uint8Array[] {
  const bodies = mails.map((mail) => {
    const text = new TextDecoder("latin1").decode(mail);
    return text.slice(text.indexOf("\r\n\r\n") + 4).replace(/[^\x20-\x7e\t\n]/g, "");
  });
  return Array.from({ length: COUNT }, (_, seed) => {
    const next = numbers(seed);
    let text = "";
    while (text.length < OCTETS) text += bodies[next() % bodies.length] ?? "";
    return new TextEncoder().encode(text.slice(0, OCTETS));
  });
}

/** Mails of the corpus first, then text, random octets, and documents, pictures and programs as they are attached to mail. */
export async function contents(): Promise<readonly Content[]> {
  const mails: Uint8Array[] = [];
  const ham: Uint8Array[] = [];
  for (const { file, label } of await rows("mail")) {
    const mail = withLineEnds(await Deno.readFile(new URL(file, CORPUS)));
    mails.push(mail);
    if (label === "ham") ham.push(mail);
  }
  const attachments: Uint8Array[] = [];
  for (const { file, expect } of await rows("files")) {
    if (expect !== "clean" || !ATTACHMENTS.test(file)) continue;
    const octets = await Deno.readFile(new URL(file, CORPUS));
    if (octets.length >= ATTACHMENT_OCTETS) attachments.push(octets);
  }
  return [
    { name: "mail", objects: mails },
    { name: "text", objects: texts(ham) },
    { name: "random octets", objects: Array.from({ length: COUNT }, (_, seed) => random(seed)) },
    { name: "attachments", objects: attachments },
  ];
}
