/** What the data of a stream of PDF is once its filters are undone. ISO 32000-1, 7.4 and 7.6 */
import type { NotScannedReason } from "../types.ts";
import { limitReason, outputLimit } from "./bounds.ts";
import type { FilterStep } from "./pdf_chains.ts";
import type { PdfCipher, PdfStreamFacts } from "./pdf_cipher.ts";
import { PDF_FILTERS } from "./pdf_filters.ts";
import { undoPredictor } from "./pdf_predictor.ts";
import type { UnpackContext } from "./unpacker.ts";

/** What came out, and why it is not all. */
export interface Decoded {
  readonly content: Uint8Array;
  readonly notScanned?: NotScannedReason;
}

/** What all streams of a document share. */
export interface Decoding {
  readonly context: UnpackContext;
  readonly cipher: PdfCipher | undefined;
  /** Octets of the document. */
  readonly packed: number;
}

/**
 * Undoes encryption and filters.
 *
 * @returns as it is enciphered; and where the data also makes sense in another way, in that: what a document says of its encryption
 * may lie where no reader looks.
 */
export function decodeStream(
  data: Uint8Array,
  steps: readonly FilterStep[],
  facts: PdfStreamFacts,
  decoding: Decoding,
): readonly Decoded[] {
  const { cipher } = decoding;
  const filters = steps.filter(({ name }) => name !== "Crypt"); // undone by the cipher
  const { usual, others } = cipher?.readings(data, facts) ?? { usual: data, others: [] };
  const found = usual ? [undo(usual, filters, decoding)] : [];
  const [first] = filters;
  if (first === undefined) return found;
  return [
    ...found,
    ...others.filter((other) => isSound(other, first)).map((other) =>
      undo(other, filters, decoding)
    ),
  ];
}

/** Octets that tell whether data is of a filter. */
const SOUND_INPUT = 4096, SOUND_OUTPUT = 4096;

function isSound(data: Uint8Array, step: FilterStep): boolean {
  const filter = filterOf(step);
  if (!filter) return false;
  const part = data.subarray(0, SOUND_INPUT);
  return filter(part, SOUND_OUTPUT, step).isSound || filter(data, SOUND_OUTPUT, step).isSound;
}

function filterOf({ name }: FilterStep) {
  return Object.hasOwn(PDF_FILTERS, name) ? PDF_FILTERS[name] : undefined;
}

function undo(
  data: Uint8Array,
  steps: readonly FilterStep[],
  { context: { budget }, packed }: Decoding,
): Decoded {
  let content = data;
  for (const step of steps) {
    const filter = filterOf(step);
    if (!filter) return { content, notScanned: "unsupported" };
    const filtered = filter(content, outputLimit(budget, packed), step);
    content = hasPredictor(step) ? undoPredictor(filtered.octets, step) : filtered.octets;
    budget.unpacked(content.length);
    if (filtered.isOver) return { content, notScanned: limitReason(budget, packed) };
  }
  return { content };
}

function hasPredictor({ name }: FilterStep): boolean {
  return ["FlateDecode", "Fl", "LZWDecode", "LZW"].includes(name);
}
