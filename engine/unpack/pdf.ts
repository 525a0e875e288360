/**
 * PDF: every stream, found by its words and not by the cross-reference table, which readers rebuild when it is wrong.
 *
 * @see ISO 32000-1, 7.3.8 streams, 7.6 encryption
 */
import { latin1Text } from "../latin1.ts";
import { fittingPassword } from "./passwords.ts";
import { filterChains, type FilterStep } from "./pdf_chains.ts";
import { pdfCipher } from "./pdf_cipher.ts";
import { decodeStream, type Decoding } from "./pdf_decode.ts";
import { PICTURE_FILTERS } from "./pdf_filters.ts";
import { PdfObjects } from "./pdf_objects.ts";
import { type PdfStream, PdfStreams } from "./pdf_streams.ts";
import { embeddedFiles } from "./pdf_files.ts";
import { PdfWork } from "./pdf_work.ts";
import { pdfActions } from "./pdf_actions.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** Streams that wait for what they refer to, which may lie in a later object stream; writers make none. */
const MAX_WAITING = 10_000;

/** What the streams of one document share. */
interface Reading extends Decoding {
  readonly octets: Uint8Array;
  readonly objects: PdfObjects;
  readonly streams: PdfStreams;
  readonly work: PdfWork;
  /** The document was opened by a password. */
  readonly isAsked: boolean;
  /** Objects whose streams have filters of pictures. */
  readonly pictures: Set<number>;
  /** Up to where data was read already. */
  covered: number;
}

/** Opens PDF. Streams are many and mostly pages: listed are those that are files or hold something else than text. */
export function* unpdf(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const text = latin1Text(octets);
  let isAsked = false;
  const cipher = pdfCipher(octets, text, (open) =>
    fittingPassword(context, [""], (password) => {
      const key = open(password);
      isAsked = key !== undefined && password !== "";
      return key;
    }));
  if (cipher?.isLocked) context.note("encrypted");
  const work = new PdfWork(octets.length, context);
  const objects = new PdfObjects(text, work);
  const streams = new PdfStreams(text, objects, work);
  const pictures = new Set<number>();
  const shared = { octets, context, cipher, objects, streams, work, isAsked, pictures };
  const reading: Reading = { ...shared, packed: octets.length, covered: 0 };
  const waiting: PdfStream[] = [];
  const found = streams.all();
  for (let next = found.next(); !next.done; next = found.next(reading.covered)) {
    if (!budget.time()) return;
    const stream = next.value;
    if (waiting.length < MAX_WAITING && isWaiting(stream, objects)) waiting.push(stream);
    else yield* entries(stream, reading);
  }
  for (const stream of waiting) {
    if (!budget.time()) return;
    yield* entries(stream, reading);
  }
  const { packedTexts } = objects;
  if (pictures.size > 0 && hasFileAmong(pictures, [text, ...packedTexts], reading)) {
    context.note("unsupported");
  }
  for (const name of pdfActions(text, packedTexts)) context.suspect?.(name);
}

/** Whether something that the stream refers to was not found yet. */
function isWaiting({ dictionary }: PdfStream, objects: PdfObjects): boolean {
  const lengths = dictionary.get("Length") ?? [];
  return lengths.some((length) => objects.resolve(length).length === 0) ||
    filterChains(dictionary, objects).isOpen;
}

/** Whether a stream is an embedded file though its filter gives samples. */
function hasFileAmong(
  pictures: ReadonlySet<number>,
  texts: readonly string[],
  { objects, work }: Reading,
): boolean {
  for (const text of texts) {
    for (const file of embeddedFiles(text, objects, work)) if (pictures.has(file)) return true;
  }
  return false;
}

/** What a stream holds, in every way that readers may take it. */
function* entries(stream: PdfStream, reading: Reading): Generator<Entry> {
  const { octets, context, objects, streams, work, isAsked, pictures } = reading;
  const types = objects.valuesOf(stream.dictionary, "Type").flatMap((value) =>
    value.kind === "name" ? [value.name] : []
  );
  const isFile = types.includes("EmbeddedFile");
  const { chains, isOpen, isOver } = filterChains(stream.dictionary, objects);
  const isMeant = stream.isWhole || isFile; // what may be no stream at all is not missed
  if (isMeant && (isOver || isOpen)) context.note("malformed");
  if (!isMeant && chains.every((chain) => chain.length === 0)) return;
  const marks = { ...(isAsked ? { encrypted: true } : {}), ...(isFile ? {} : { quiet: true }) };
  const before = reading.covered;
  for (const { start, end } of streams.extents(stream)) {
    const data = octets.subarray(start, end);
    let isRead = start < before; // what is read for the first time is free
    for (const chain of chains) {
      if (isRead && !work.mayRead()) return;
      if (isRead) work.spend(data.length);
      isRead = true;
      if (!isFile && chain.some(({ name }) => PICTURE_FILTERS.has(name))) {
        pictures.add(stream.number);
        continue;
      }
      for (
        const { content, notScanned } of decodeStream(data, chain, {
          ...stream,
          types,
          cryptName: cryptNameOf(chain),
        }, reading)
      ) {
        if (content.length === 0 && !isFile && !notScanned) continue;
        if (types.includes("ObjStm")) addPacked(content, stream, objects);
        if (notScanned === "unsupported") {
          if (!isMeant) continue;
          context.budget.breach(notScanned);
        }
        yield { names: [], content, ...(notScanned ? { notScanned } : {}), ...marks };
      }
    }
    reading.covered = Math.max(reading.covered, end);
  }
}

function cryptNameOf(chain: readonly FilterStep[]): string | undefined {
  return chain.find(({ name }) => name === "Crypt")?.cryptName;
}

/** Takes in an object stream: 7.5.7. */
function addPacked(content: Uint8Array, { dictionary }: PdfStream, objects: PdfObjects): void {
  const first = objects.valuesOf(dictionary, "First").findLast(({ kind }) => kind === "number");
  objects.addPacked(latin1Text(content), first?.kind === "number" ? first.value : 0);
}
