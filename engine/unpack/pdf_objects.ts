/**
 * Objects of a PDF by their number, found by their words: the cross-reference table may say otherwise, so every definition counts.
 *
 * @see ISO 32000-1, 7.3.10 indirect objects, 7.5.7 object streams
 */
import { type PdfDictionary, PdfReader, type PdfValue } from "./pdf_values.ts";
import type { PdfWork } from "./pdf_work.ts";

/** Definitions of one number that are looked at: a document has one more each time that the object was changed. */
const MAX_DEFINITIONS = 8;
/** Numbers that are remembered; writers may use 8,388,607, and hardly any needs a tenth. */
const MAX_NUMBERS = 1 << 20;
/** References to references that are followed. */
const MAX_STEPS = 4;
/** A value that is referred to is at most so long, characters. */
const MAX_VALUE = 64 << 10;
/** Comments between the numbers of an object are looked for so far back, characters. */
const MAX_COMMENT = 256;

const BEHIND_COMMENTS =
  /(\d{1,10})(?:[\0\t\n\f\r ]|%[^\r\n]*[\r\n])+(\d{1,5})(?:[\0\t\n\f\r ]|%[^\r\n]*[\r\n])*$/;

/** What an object is called by. */
export interface ObjectName {
  readonly number: number;
  readonly generation: number;
}

/** The numbers in front of the word `obj` at `at`; `undefined` where it is none, as in `endobj`. */
export function objectName(text: string, at: number): ObjectName | undefined {
  const second = digitsBefore(text, blanksBefore(text, at), 5);
  const blank = blanksBefore(text, second);
  const first = digitsBefore(text, blank, 10);
  if (first < blank && blank < second && second < at) {
    return {
      number: Number(text.slice(first, blank)),
      generation: parseInt(text.slice(second, at), 10),
    };
  }
  const before = text.slice(Math.max(0, at - MAX_COMMENT), at);
  if (!before.includes("%")) return undefined;
  const found = BEHIND_COMMENTS.exec(before);
  return found ? { number: Number(found[1]), generation: Number(found[2]) } : undefined;
}

function blanksBefore(text: string, end: number): number {
  let at = end;
  while (at > 0 && " \n\r\t\f\0".includes(text.charAt(at - 1))) at--;
  return at;
}

function digitsBefore(text: string, end: number, most: number): number {
  let at = end;
  for (; at > 0 && end - at < most; at--) {
    const code = text.charCodeAt(at - 1);
    if (code < 0x30 || code > 0x39) break;
  }
  return at;
}

/** The objects of one document. */
export class PdfObjects {
  readonly #text: string;
  readonly #work: PdfWork;
  #places: Map<number, number[]> | undefined;
  readonly #packed: { readonly text: string; readonly first: number }[] = [];
  #packedPlaces: Map<number, { text: string; at: number }[]> | undefined;

  constructor(text: string, work: PdfWork) {
    this.#text = text;
    this.#work = work;
  }

  /** The texts of object streams. */
  get packedTexts(): readonly string[] {
    return this.#packed.map(({ text }) => text);
  }

  /** Takes in an object stream. @param first Where its objects begin. */
  addPacked(text: string, first: number): void {
    this.#packed.push({ text, first });
    this.#packedPlaces = undefined;
  }

  /** What a value is; of a reference each definition, none where there is none. */
  resolve(value: PdfValue, steps = MAX_STEPS): readonly PdfValue[] {
    if (value.kind !== "reference") return [value];
    if (steps === 0) return [];
    return this.#definitions(value.number).flatMap((found) => this.resolve(found, steps - 1))
      .slice(-MAX_DEFINITIONS);
  }

  /** Every value that a dictionary may be read to have under a key, references resolved. */
  valuesOf(dictionary: PdfDictionary, key: string): readonly PdfValue[] {
    return (dictionary.get(key) ?? []).slice(-MAX_DEFINITIONS)
      .flatMap((value) => this.resolve(value));
  }

  #definitions(number: number): readonly PdfValue[] {
    const found: PdfValue[] = [];
    const read = (text: string, at: number) => {
      if (!this.#work.mayRead()) return;
      const reader = new PdfReader(text, at, at + MAX_VALUE);
      const value = reader.value();
      this.#work.spend(reader.at - at);
      if (value) found.push(value);
    };
    this.#places ??= this.#placesByNumber();
    for (const at of this.#places.get(number) ?? []) read(this.#text, at);
    this.#packedPlaces ??= this.#placesInPacked();
    for (const { text, at } of this.#packedPlaces.get(number) ?? []) read(text, at);
    return found;
  }

  #placesByNumber(): Map<number, number[]> {
    const places = new Map<number, number[]>();
    for (let at = this.#text.indexOf("obj"); at >= 0; at = this.#text.indexOf("obj", at + 3)) {
      const name = objectName(this.#text, at);
      if (name) remember(places, name.number, at + 3);
    }
    return places;
  }

  #placesInPacked(): Map<number, { text: string; at: number }[]> {
    const places = new Map<number, { text: string; at: number }[]>();
    for (const { text, first } of this.#packed) {
      for (const [, number, offset] of text.slice(0, first).matchAll(/(\d{1,10})\s+(\d{1,10})/g)) {
        remember(places, Number(number), { text, at: first + Number(offset) });
      }
    }
    return places;
  }
}

/** The first definition stays, as do the latest. */
function remember<T>(places: Map<number, T[]>, number: number, place: T): void {
  const known = places.get(number);
  if (known === undefined) {
    if (places.size < MAX_NUMBERS) places.set(number, [place]);
    return;
  }
  if (known.length >= MAX_DEFINITIONS) known.splice(1, 1);
  known.push(place);
}
