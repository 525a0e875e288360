/** Embedded files of PDF by what refers to them: their streams need not say that they are files. ISO 32000-1, 7.11.4 */
import type { PdfObjects } from "./pdf_objects.ts";
import { namePattern, PdfReader, type PdfValue } from "./pdf_values.ts";
import type { PdfWork } from "./pdf_work.ts";

/** Longest dictionary of an embedded file's readings for each platform, characters. */
const MAX_DICTIONARY = 4 << 10;

/** The numbers of the objects that file specifications in a text name. */
export function* embeddedFiles(
  text: string,
  objects: PdfObjects,
  work: PdfWork,
): Generator<number> {
  for (const { index, 0: { length } } of text.matchAll(new RegExp(namePattern("EF"), "g"))) {
    if (!work.mayRead()) return;
    const reader = new PdfReader(text, index + length, index + length + MAX_DICTIONARY);
    const value = reader.value();
    work.spend(reader.at - index);
    for (const found of value ? objects.resolve(value) : []) yield* references(found);
  }
}

function* references(value: PdfValue): Generator<number> {
  if (value.kind !== "dictionary") return;
  for (const files of value.entries.values()) {
    for (const file of files) if (file.kind === "reference") yield file.number;
  }
}
