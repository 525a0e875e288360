/**
 * Filters of a stream, in order, with their parameters: every way that readers may take them, as they differ where a key stands twice
 * or in its short form besides its long one.
 *
 * @see ISO 32000-1, 7.3.8.2 and 7.4
 */
import type { PdfObjects } from "./pdf_objects.ts";
import type { RowForm } from "./pdf_predictor.ts";
import { distinctJson, type PdfDictionary, type PdfValue } from "./pdf_values.ts";

/** Ways of one stream that are tried. */
const MAX_CHAINS = 8;
/** Filters in a row; writers use two. */
const MAX_FILTERS = 64;
/** More columns or colors than any picture has make no row. */
const MAX_ROW = 1 << 24;

/** One filter. */
export interface FilterStep extends RowForm {
  readonly name: string;
  /** Whether LZW's codes grow one code early. */
  readonly growsEarly: boolean;
  /** How the data is enciphered, if the filter is Crypt. */
  readonly cryptName: string;
}

/** What is known of a stream's filters. */
export interface FilterChains {
  /** At least one; the first is by the long names. */
  readonly chains: readonly (readonly FilterStep[])[];
  /** What is referred to was not found. */
  readonly isOpen: boolean;
  /** There are more ways, or more filters, than are tried. */
  readonly isOver: boolean;
}

/** Readers take the first or the last value of a key that stands twice. */
type Pick = "first" | "last";

/** Collects the ways of one stream. */
class Chains {
  readonly #objects: PdfObjects;
  isOpen = false;
  isOver = false;

  constructor(objects: PdfObjects) {
    this.#objects = objects;
  }

  /** What a value may be. */
  #values(value: PdfValue): readonly PdfValue[] {
    const found = this.#objects.resolve(value);
    if (found.length === 0) this.isOpen = true;
    return found;
  }

  #valuesOf(dictionary: PdfDictionary, ...keys: readonly string[]): readonly PdfValue[] {
    return keys.flatMap((key) => dictionary.get(key) ?? []).flatMap((value) => this.#values(value));
  }

  /** Names in order; those of arrays may be references. */
  names(dictionary: PdfDictionary): readonly (readonly string[])[] {
    const ways: (readonly string[])[] = [];
    for (const value of this.#valuesOf(dictionary, "Filter", "F")) {
      if (value.kind === "name") ways.push([value.name]);
      else if (value.kind === "array") ways.push(...this.#arrayNames(value.items));
    }
    return this.#few(distinctJson(ways.length > 0 ? ways : [[]]));
  }

  #arrayNames(items: readonly PdfValue[]): readonly (readonly string[])[] {
    if (items.length > MAX_FILTERS) this.isOver = true;
    let ways: readonly (readonly string[])[] = [[]];
    for (const item of items.slice(0, MAX_FILTERS)) {
      const names = this.#values(item).flatMap((value) =>
        value.kind === "name" ? [value.name] : []
      );
      if (names.length === 0) continue;
      ways = this.#few(distinctJson(ways.flatMap((way) => names.map((name) => [...way, name]))));
    }
    return ways;
  }

  /** Parameters for each of `count` filters. */
  forms(
    dictionary: PdfDictionary,
    count: number,
  ): readonly (readonly (PdfDictionary | undefined)[])[] {
    const ways: (readonly (PdfDictionary | undefined)[])[] = [];
    for (const value of this.#valuesOf(dictionary, "DecodeParms", "DP")) {
      if (value.kind === "dictionary") {
        ways.push([value.entries]);
        if (count > 1) ways.push([]); // for an array of filters some take it, and some do not
      } else if (value.kind === "array") {
        ways.push(
          value.items.slice(0, MAX_FILTERS).map((item) => {
            const found = this.#values(item).findLast(({ kind }) => kind === "dictionary");
            return found?.kind === "dictionary" ? found.entries : undefined;
          }),
        );
      }
    }
    return this.#few(ways.length > 0 ? ways : [[]]);
  }

  #number(form: PdfDictionary, key: string, otherwise: number, pick: Pick): number {
    const values = this.#valuesOf(form, key).flatMap((value) =>
      value.kind === "number" ? [Math.floor(value.value)] : []
    );
    return (pick === "first" ? values[0] : values.at(-1)) ?? otherwise;
  }

  step(
    name: string,
    form: PdfDictionary = new Map<string, readonly PdfValue[]>(),
    pick: Pick,
  ): FilterStep {
    const rows = (key: string) => {
      const value = this.#number(form, key, 1, pick);
      return value >= 1 && value <= MAX_ROW ? value : 1;
    };
    const crypt = this.#valuesOf(form, "Name").findLast(({ kind }) => kind === "name");
    return {
      name,
      cryptName: crypt?.kind === "name" ? crypt.name : "Identity",
      growsEarly: this.#number(form, "EarlyChange", 1, pick) !== 0,
      predictor: this.#number(form, "Predictor", 1, pick),
      colors: rows("Colors"),
      bitsPerComponent: form.has("BitsPerComponent") ? rows("BitsPerComponent") : 8,
      columns: rows("Columns"),
    };
  }

  #few<T>(ways: readonly T[]): readonly T[] {
    if (ways.length > MAX_CHAINS) this.isOver = true;
    return ways.slice(0, MAX_CHAINS);
  }

  /** Every way once. */
  all(dictionary: PdfDictionary): readonly (readonly FilterStep[])[] {
    const ways = this.names(dictionary).flatMap((names) =>
      this.forms(dictionary, names.length).flatMap((forms) =>
        (["last", "first"] as const).map((pick) =>
          names.map((name, i) => this.step(name, forms[i], pick))
        )
      )
    );
    return this.#few(distinctJson(ways));
  }
}

/** Reads the filters of a stream. */
export function filterChains(dictionary: PdfDictionary, objects: PdfObjects): FilterChains {
  if (!["Filter", "F"].some((key) => dictionary.has(key))) {
    return { chains: [[]], isOpen: false, isOver: false };
  }
  const found = new Chains(objects);
  const chains = found.all(dictionary);
  return { chains, isOpen: found.isOpen, isOver: found.isOver };
}
