/**
 * Streams of PDF, wherever they stand: each object with a dictionary and a stream, also in comments and in the data of other
 * streams, where a cross-reference table may point to; and each other `stream`, with what stands in front of it.
 *
 * @see ISO 32000-1, 7.3.8
 */
import { type ObjectName, objectName, type PdfObjects } from "./pdf_objects.ts";
import { type PdfDictionary, PdfReader, type PdfValue, plainName } from "./pdf_values.ts";
import type { PdfWork } from "./pdf_work.ts";

/** Longest dictionary, characters. */
const MAX_DICTIONARY = 1 << 20;
/** Most readings of where the data of one stream lies. */
const MAX_EXTENTS = 8;

const NO_NAME: ObjectName = { number: 0, generation: 0 };

/** One stream; where its data ends hangs on its dictionary. */
export interface PdfStream extends ObjectName {
  readonly dictionary: PdfDictionary;
  /** Behind the word `stream`. */
  readonly at: number;
  /** It has an object and a whole dictionary; otherwise its dictionary is a guess. */
  readonly isWhole: boolean;
}

/** Where data lies. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** Where something stands next: asked for places in order, each character is looked at once. */
class NextPlace {
  readonly #text: string;
  readonly #sought: RegExp;
  #from = 0;
  #found = -1;

  constructor(text: string, sought: RegExp) {
    this.#text = text;
    this.#sought = sought;
  }

  /** The end of the text where there is none. */
  from(at: number): number {
    if (at < this.#from || at > this.#found) {
      this.#sought.lastIndex = this.#from = at;
      this.#found = this.#sought.exec(this.#text)?.index ?? this.#text.length;
    }
    return this.#found;
  }
}

/** Finds the streams of one document. */
export class PdfStreams {
  readonly #text: string;
  readonly #objects: PdfObjects;
  readonly #work: PdfWork;
  readonly #lineEnds: NextPlace;
  /** One for each place that the data may begin at: these are in order each. */
  readonly #ends: readonly [NextPlace, NextPlace];

  constructor(text: string, objects: PdfObjects, work: PdfWork) {
    this.#text = text;
    this.#objects = objects;
    this.#work = work;
    this.#lineEnds = new NextPlace(text, /\r\n|\n|\r/g);
    this.#ends = [new NextPlace(text, /endstream/g), new NextPlace(text, /endstream/g)];
  }

  /** @yields each stream; the caller says by `next()` where the data ended that it took. */
  *all(): Generator<PdfStream, void, number | undefined> {
    const text = this.#text;
    const word = /obj|stream/g;
    let name = NO_NAME;
    let from = 0; // the dictionary of a stream without an object does not begin before
    let covered = 0;
    const whole = new Set<number>();
    for (let found = word.exec(text); found; found = word.exec(text)) {
      const at = word.lastIndex;
      if (found[0] === "obj") {
        name = objectName(text, found.index) ?? NO_NAME;
        from = at;
        const stream = this.#objectAt(at, name);
        if (stream === undefined) continue;
        whole.add(stream.at);
        const end = yield stream;
        covered = Math.max(covered, stream.at, end ?? 0);
      } else if (text.startsWith("end", found.index - 3)) from = at;
      else if (!whole.delete(at) && at > covered) {
        const dictionary = this.#guess(from, found.index);
        from = at;
        if (dictionary.size > 0) {
          const end = yield { ...name, dictionary, at, isWhole: false };
          covered = Math.max(covered, end ?? 0);
        }
      }
    }
  }

  /** The stream of an object whose value begins at `at`. */
  #objectAt(at: number, name: ObjectName): PdfStream | undefined {
    if (!this.#work.mayRead()) return undefined;
    const reader = new PdfReader(this.#text, at, at + MAX_DICTIONARY);
    const value = reader.isNext("<<") ? reader.value() : undefined;
    const isStream = value !== undefined && reader.isNext("stream");
    this.#work.spend(reader.at - at);
    if (value?.kind !== "dictionary" || !isStream) return undefined;
    return { ...name, dictionary: value.entries, at: reader.at + 6, isWhole: true };
  }

  /** What stands behind names, on whatever level: of a dictionary that is not closed, or is none. */
  #guess(from: number, end: number): PdfDictionary {
    const start = Math.max(from, end - MAX_DICTIONARY);
    const entries = new Map<string, PdfValue[]>();
    const names = /\/[^\0\t\n\f\r ()<>[\]{}/%]+/g;
    const part = this.#text.slice(start, end);
    for (let found = names.exec(part); found && this.#work.mayRead(); found = names.exec(part)) {
      const name = plainName(found[0].slice(1));
      if (!GUESSED.has(name)) continue;
      const reader = new PdfReader(part, names.lastIndex);
      const value = reader.value();
      this.#work.spend(reader.at - names.lastIndex);
      if (value) entries.set(name, [...(entries.get(name) ?? []), value].slice(-MAX_EXTENTS));
    }
    return entries;
  }

  /** Where the data of a stream may lie: readers differ where its length is not true. */
  extents({ at, dictionary }: PdfStream): readonly Extent[] {
    const lengths = this.#objects.valuesOf(dictionary, "Length").flatMap((value) =>
      value.kind === "number" && value.value >= 0 ? [Math.floor(value.value)] : []
    );
    return this.#starts(at).flatMap((start, i) => {
      const told = [...new Set(lengths)].map((length) => start + length)
        .filter((end) => end <= this.#text.length);
      const sound = told.filter((end) => /^[\0\s]*endstream/.test(this.#text.slice(end, end + 16)));
      if (sound.length > 0) return [{ start, end: Math.max(...sound) }];
      const next = this.#ends[i === 0 ? 0 : 1].from(start);
      const last = Math.max(next, ...told);
      return (last > next ? [next, last] : [next]).map((end) => ({ start, end }));
    });
  }

  /** Behind the end of the line; what else stands on it is passed over by some readers and data to others. */
  #starts(at: number): readonly number[] {
    const line = this.#lineEnds.from(at);
    if (line >= this.#text.length) return [at];
    const next = this.#text.startsWith("\r\n", line) ? line + 2 : line + 1;
    return line === at ? [next] : [at, next];
  }
}

/** Keys that a stream without a dictionary of its own is read by. */
const GUESSED: ReadonlySet<string> = new Set([
  "Filter",
  "F",
  "DecodeParms",
  "DP",
  "Length",
  "Type",
  "First",
]);
